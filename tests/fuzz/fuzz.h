// A fuzz target is one file with these two functions. driver.cpp runs it on mutated seeds, the same
// ones every time; libfuzzer.cpp hands it to libFuzzer.
#pragma once

#include <string>
#include <string_view>
#include <vector>

// Feeds one input to the code under test. Throws std::logic_error when a promise is broken; what
// else it lets out (an exception, a crash, an endless loop) is a failure as well.
void fuzz_one(std::string_view input);

// Inputs to begin with: each of them should reach another part of the code.
std::vector<std::string> fuzz_seeds();
