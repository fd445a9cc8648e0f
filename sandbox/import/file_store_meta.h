// What the file store's directories, its YAML files and the API's answers are made of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/python_json.h"

namespace sandbox::import {

// The directories in a directory, in order of their names; none when it is not there.
std::vector<std::filesystem::path> subdirectories(const std::filesystem::path& directory);

// The items of a list; none for a member that is absent or no list.
const std::vector<PythonJson>& list_of(const PythonJson& object, std::string_view name);
// An empty object for a member that is absent.
const PythonJson& member_of(const PythonJson& object, std::string_view name);
// nullopt for a member that is absent or null; numbers as text.
std::optional<std::string> meta_text(const PythonJson& meta, std::string_view name);
// Whole numbers, also as text.
std::optional<std::int64_t> meta_integer(const PythonJson& meta, std::string_view name);
// Milliseconds: a number, or a time as RFC 3339 writes it.
std::optional<std::int64_t> meta_time(const PythonJson& meta, std::string_view name);
// A run's status, kept as a number or a word; RUNNING where there is none, nullopt for an unknown.
std::optional<std::string> run_status(const PythonJson& meta);
// What Python's float() reads: digits, nan, inf and Infinity of either sign and case.
std::optional<double> python_number(std::string_view text);

}  // namespace sandbox::import
