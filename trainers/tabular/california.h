// California Housing: 20,640 districts of the census of 1990, as scikit-learn's
// fetch_california_housing gives them.
#pragma once

#include <filesystem>

#include "trainers/tabular/table.h"

namespace trainers::tabular {

inline constexpr const char* california_url = "https://ndownloader.figshare.com/files/5976036";
inline constexpr const char* california_sha256 =
    "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681";
inline constexpr const char* california_file = "cal_housing.tgz";
inline constexpr const char* california_target = "MedHouseVal";

// Reads the official archive and computes scikit-learn's columns of the census': MedInc HouseAge
// AveRooms AveBedrms Population AveOccup Latitude Longitude, and MedHouseVal in 100,000 dollars.
// Throws Error(invalid_parameter_value) when it is no such archive.
Table read_california(const std::filesystem::path& archive);

}  // namespace trainers::tabular
