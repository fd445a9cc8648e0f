// Which extension is of which type: MLflow's list of text formats, and what Python's mimetypes
// knows of the rest.
#include <algorithm>
#include <array>

#include "sandbox/artifacts/download.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

// Compared with case, as in mlflow/utils/mime_type_utils.py.
constexpr std::array<std::string_view, 26> text_extensions{
    "txt",  "log",   "err",  "cfg",  "conf", "cnf",   "cf",      "ini",      "properties",
    "prop", "hocon", "toml", "yaml", "yml",  "xml",   "json",    "js",       "py",
    "py3",  "csv",   "tsv",  "md",   "rst",  "ipynb", "MLmodel", "mlproject"};

struct Type {
  std::string_view extension;
  std::string_view type;
};
constexpr std::array types{
    Type{"3g2", "audio/3gpp2"},
    Type{"3gp", "audio/3gpp"},
    Type{"7z", "application/x-7z-compressed"},
    Type{"aac", "audio/aac"},
    Type{"avi", "video/x-msvideo"},
    Type{"avif", "image/avif"},
    Type{"bmp", "image/bmp"},
    Type{"c", "text/plain"},
    Type{"css", "text/css"},
    Type{"csv", "text/csv"},
    Type{"doc", "application/msword"},
    Type{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Type{"eml", "message/rfc822"},
    Type{"eps", "application/postscript"},
    Type{"flac", "audio/flac"},
    Type{"geojson", "application/geo+json"},
    Type{"gif", "image/gif"},
    Type{"h", "text/plain"},
    Type{"h5", "application/x-hdf5"},
    Type{"htm", "text/html"},
    Type{"html", "text/html"},
    Type{"ico", "image/vnd.microsoft.icon"},
    Type{"jar", "application/java-archive"},
    Type{"jpe", "image/jpeg"},
    Type{"jpeg", "image/jpeg"},
    Type{"jpg", "image/jpeg"},
    Type{"js", "text/javascript"},
    Type{"json", "application/json"},
    Type{"md", "text/markdown"},
    Type{"mjs", "text/javascript"},
    Type{"mov", "video/quicktime"},
    Type{"mp3", "audio/mpeg"},
    Type{"mp4", "video/mp4"},
    Type{"mpeg", "video/mpeg"},
    Type{"mpg", "video/mpeg"},
    Type{"ogg", "audio/ogg"},
    Type{"opus", "audio/opus"},
    Type{"pdf", "application/pdf"},
    Type{"png", "image/png"},
    Type{"ppm", "image/x-portable-pixmap"},
    Type{"ppt", "application/vnd.ms-powerpoint"},
    Type{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Type{"ps", "application/postscript"},
    Type{"py", "text/x-python"},
    Type{"pyc", "application/x-python-code"},
    Type{"sh", "application/x-sh"},
    Type{"srt", "text/plain"},
    Type{"svg", "image/svg+xml"},
    Type{"tar", "application/x-tar"},
    Type{"tif", "image/tiff"},
    Type{"tiff", "image/tiff"},
    Type{"tsv", "text/tab-separated-values"},
    Type{"txt", "text/plain"},
    Type{"vtt", "text/vtt"},
    Type{"wasm", "application/wasm"},
    Type{"wav", "audio/x-wav"},
    Type{"webm", "video/webm"},
    Type{"webmanifest", "application/manifest+json"},
    Type{"webp", "image/webp"},
    Type{"xls", "application/vnd.ms-excel"},
    Type{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Type{"xml", "text/xml"},
    Type{"zip", "application/zip"},
};

// A compressed file has the type of what is inside; compression alone has none.
constexpr std::array<std::string_view, 5> compressions{"gz", "Z", "bz2", "xz", "br"};

template <class Array>
bool contains(const Array& array, std::string_view text) {
  return std::find(array.begin(), array.end(), text) != array.end();
}

// "gz" of "a.tar.gz"; "" for ".hidden" and "name".
std::string_view extension_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos || name.find_first_not_of('.') > dot ? ""
                                                                            : name.substr(dot + 1);
}

std::string_view guess(std::string_view name) {
  std::string extension = lower(extension_of(name));
  if (extension == "tgz" || extension == "txz" || extension == "tbz2") return "application/x-tar";
  if (contains(compressions, extension_of(name))) {
    name.remove_suffix(extension.size() + 1);
    extension = lower(extension_of(name));
  }
  for (const Type& one : types) {
    if (one.extension == extension) return one.type;
  }
  return "application/octet-stream";
}

}  // namespace

std::string content_type_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string_view extension = extension_of(name);
  if (contains(text_extensions, extension.empty() ? name : extension)) return "text/plain";
  return std::string(guess(name));
}

}  // namespace sandbox::artifacts
