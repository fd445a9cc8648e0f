// <data>/mlops-sandbox.conf, the settings file of a lab, as commands change it.
#pragma once

#include <map>
#include <string>

namespace sandbox::cli {

// Gives settings their new values; "" takes a setting out. Other lines and comments stay as they
// are. The file is replaced in one step and only its owner may read it: it can hold keys. Throws
// Error naming the file.
void change_settings(const std::string& data_dir,
                     const std::map<std::string, std::string>& settings);

}  // namespace sandbox::cli
