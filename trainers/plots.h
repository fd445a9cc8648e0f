// Pictures of results, as PNG files drawn with cairo. Each throws Error when the file cannot be
// written.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trainers/scores.h"

namespace trainers {

// A square of cells, true classes down, predicted ones across, darker the larger a cell's part of
// its row; the counts stand in the cells where there is room.
void draw_confusion_matrix(const Confusion& confusion,
                           const std::vector<std::string>& classes,
                           const std::string& title,
                           const std::filesystem::path& file,
                           const std::string& counted = "images");

// Lying bars for parts from 0 to `most`, written as percentages, and a line where all together are.
struct Bar {
  std::string name;
  double value = 0;
  std::string note;  // behind the value
};
void draw_bars(const std::vector<Bar>& bars,
               const std::string& title,
               const std::string& subtitle,
               std::optional<double> overall,
               const std::filesystem::path& file,
               double most = 1);

}  // namespace trainers
