#include "trainers/tabular/california.h"

#include <array>
#include <memory>
#include <string>

#include <archive.h>
#include <archive_entry.h>

#include "sandbox/base/error.h"
#include "sandbox/base/text.h"
#include "trainers/parameters.h"

namespace trainers::tabular {

using sandbox::Code;
using sandbox::Error;

namespace {

constexpr const char* data_name = "cal_housing.data";
constexpr std::size_t data_bytes_max = std::size_t{64} << 20;
constexpr std::size_t block_bytes = std::size_t{64} << 10;

// The columns of the archive's file, in its order.
enum Column {
  longitude,
  latitude,
  house_age,
  rooms,
  bedrooms,
  population,
  households,
  income,
  house_value,
  column_count
};
using Row = std::array<double, column_count>;

[[noreturn]] void refuse(const std::filesystem::path& archive, const std::string& why) {
  throw Error(Code::invalid_parameter_value,
              archive.string() + " is no archive of California Housing: " + why +
                  ". What is wanted is cal_housing.tgz, the file that scikit-learn's "
                  "fetch_california_housing downloads.");
}

struct FreeArchive {
  void operator()(struct archive* archive) const { archive_read_free(archive); }
};

std::string read_data(const std::filesystem::path& file) {
  const std::unique_ptr<struct archive, FreeArchive> reader(archive_read_new());
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_all(reader.get());
  const auto reason = [&] {
    const char* text = archive_error_string(reader.get());
    return std::string(text == nullptr ? "unknown" : text);
  };
  if (archive_read_open_filename(reader.get(), file.c_str(), block_bytes) != ARCHIVE_OK) {
    refuse(file, reason());
  }
  struct archive_entry* entry = nullptr;
  int result = 0;
  while ((result = archive_read_next_header(reader.get(), &entry)) == ARCHIVE_OK) {
    if (std::filesystem::path(archive_entry_pathname(entry)).filename() != data_name) continue;
    std::string text;
    std::string piece(block_bytes, '\0');
    la_ssize_t count = 0;
    while ((count = archive_read_data(reader.get(), piece.data(), piece.size())) > 0) {
      text.append(piece, 0, static_cast<std::size_t>(count));
      if (text.size() > data_bytes_max) refuse(file, "it is far too large");
    }
    if (count < 0) refuse(file, reason());
    return text;
  }
  refuse(file,
         result == ARCHIVE_EOF ? std::string("there is no ") + data_name + " in it" : reason());
}

Row read_row(const std::string& line, std::int64_t number, const std::filesystem::path& archive) {
  const auto fields = sandbox::split(line, ',');
  Row row{};
  bool is_right = fields.size() == row.size();
  for (std::size_t i = 0; is_right && i < row.size(); ++i) {
    const auto value = sandbox::parse_double(sandbox::trim(fields[i]));
    is_right = value.has_value();
    if (value) row[i] = *value;
  }
  if (!is_right || row[households] == 0) {
    refuse(archive, std::string("line ") + std::to_string(number) + " of " + data_name +
                        " is not nine numbers");
  }
  return row;
}

void add_row(Table& table, const Row& row) {
  table.values.insert(
      table.values.end(),
      {row[income], row[house_age], row[rooms] / row[households], row[bedrooms] / row[households],
       row[population], row[population] / row[households], row[latitude], row[longitude]});
  table.target_texts.push_back(number_text(row[house_value] / 100'000));
}

}  // namespace

Table read_california(const std::filesystem::path& archive) {
  Table table;
  table.name = "California Housing";
  table.columns = {"MedInc",     "HouseAge", "AveRooms", "AveBedrms",
                   "Population", "AveOccup", "Latitude", "Longitude"};
  table.target = california_target;
  std::int64_t number = 0;
  for (const std::string& line : sandbox::split(read_data(archive), '\n')) {
    ++number;
    if (sandbox::trim(line).empty()) continue;
    add_row(table, read_row(line, number, archive));
    table.lines.push_back(number);
  }
  if (table.rows() == 0) refuse(archive, std::string(data_name) + " is empty");
  return table;
}

}  // namespace trainers::tabular
