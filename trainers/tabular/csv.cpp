#include "trainers/tabular/csv.h"

#include <map>

#include "sandbox/base/error.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr int end_of_text = std::streambuf::traits_type::eof();

}  // namespace

CsvReader::CsvReader(std::istream& in, std::string name)
    : in_(*in.rdbuf()), name_(std::move(name)) {
  for (const int byte : {0xEF, 0xBB, 0xBF}) {
    if (in_.sgetc() != byte) break;
    in_.sbumpc();
  }
  find_separator();
}

void CsvReader::find_separator() {
  const auto begin = in_.pubseekoff(0, std::ios::cur, std::ios::in);
  std::map<int, int> counts;
  for (int c = in_.sbumpc(); c != end_of_text && c != '\n'; c = in_.sbumpc()) ++counts[c];
  in_.pubseekpos(begin, std::ios::in);
  for (const char other : {';', '\t'}) {
    if (counts[other] > counts[separator_]) separator_ = other;
  }
}

void CsvReader::refuse(const std::string& what) const {
  throw Error(Code::invalid_parameter_value,
              name_ + ", line " + std::to_string(begin_line_) + ": " + what);
}

// What follows an opening quote, up to the closing one.
void CsvReader::read_quoted(std::string& field) {
  while (true) {
    const int c = in_.sbumpc();
    if (c == end_of_text) refuse("a quote that begins here is never closed.");
    if (c == '"') {
      if (in_.sgetc() != '"') return;
      in_.sbumpc();
    }
    if (c == '\n') ++next_line_;
    if (field.size() == field_bytes_max) {
      refuse("a field is longer than 1 MiB. Is a quote missing?");
    }
    field += static_cast<char>(c);
  }
}

bool CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  std::string field;
  bool is_quoted = false;
  begin_line_ = next_line_;
  while (true) {
    const int c = in_.sbumpc();
    if (c == '"' && field.empty() && !is_quoted) {
      is_quoted = true;
      read_quoted(field);
    } else if (c == separator_) {
      fields.push_back(std::move(field));
      field.clear();
      is_quoted = false;
    } else if (c == '\n' || c == end_of_text) {
      if (c == '\n') ++next_line_;
      if (!is_quoted && field.ends_with('\r')) field.pop_back();
      if (fields.empty() && field.empty() && !is_quoted) {
        if (c == end_of_text) return false;
        begin_line_ = next_line_;
        continue;
      }
      fields.push_back(std::move(field));
      return true;
    } else if (!(is_quoted && c == '\r')) {
      if (field.size() == field_bytes_max) refuse("a field is longer than 1 MiB.");
      field += static_cast<char>(c);
    }
  }
}

}  // namespace trainers::tabular
