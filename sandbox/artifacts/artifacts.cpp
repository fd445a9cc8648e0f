#include "sandbox/artifacts/artifacts.h"

#include <algorithm>
#include <array>
#include <set>

#include "sandbox/artifacts/download.h"
#include "sandbox/base/error.h"
#include "sandbox/base/text.h"

namespace sandbox::artifacts {
namespace {

constexpr std::size_t upload_buffer_bytes = 256 * 1024;
constexpr std::size_t list_entries_max = 1'000'000;
constexpr int list_page_keys = 1000;
constexpr std::int64_t part_expires_s = 3600;
constexpr int models_hops_max = 8;  // a version made from a version made from …

// A store's refusal in the tracking API's words; what is nobody's mistake stays as it is.
[[noreturn]] void rethrow(const store::Fault& fault) {
  static const std::set<std::string, std::less<>> missing{"NoSuchBucket", "NoSuchKey",
                                                          "NoSuchUpload"};
  static const std::set<std::string, std::less<>> mistakes{
      "EntityTooSmall",   "EntityTooLarge", "InvalidArgument", "InvalidBucketName", "InvalidPart",
      "InvalidPartOrder", "InvalidRequest", "KeyTooLongError", "InvalidObjectName"};
  // Of a store that lies elsewhere; whoever runs this server has to mend the second kind.
  static const std::set<std::string, std::less<>> passing{"ServiceUnavailable", "SlowDown",
                                                          "RequestTimeout", "PreconditionFailed"};
  static const std::set<std::string, std::less<>> refusals{
      "AccessDenied",        "AuthorizationHeaderMalformed", "ExpiredToken",
      "InsufficientStorage", "InvalidAccessKeyId",           "InvalidToken",
      "PermanentRedirect",   "RequestTimeTooSkewed",         "SignatureDoesNotMatch"};
  if (missing.contains(fault.code())) throw Error(Code::resource_does_not_exist, fault.what());
  if (mistakes.contains(fault.code())) throw Error(Code::invalid_parameter_value, fault.what());
  if (passing.contains(fault.code())) throw Error(Code::temporarily_unavailable, fault.what());
  if (refusals.contains(fault.code())) throw Error(Code::internal_error, fault.what());
  throw fault;
}

template <class Function>
auto in_store(Function function) {
  try {
    return function();
  } catch (const store::Fault& fault) {
    rethrow(fault);
  }
}

store::ObjectHeaders headers_of(const Location& file) {
  store::ObjectHeaders headers;
  headers.content_type = content_type_of(file.key);
  return headers;
}

// "models:/<what>[/path]" and "runs:/<what>/path": the part before the first slash, and the rest.
std::pair<std::string, std::string> split_first(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

}  // namespace

Artifacts::Artifacts(db::Database& database,
                     store::ObjectStore& store,
                     Location destination,
                     Presign presign,
                     std::int64_t download_expires_s)
    : database_(database),
      store_(store),
      destination_(std::move(destination)),
      presign_(std::move(presign)),
      download_expires_s_(download_expires_s) {}

Location Artifacts::locate_uri(std::string_view uri) {
  return locate_uri(uri, 0);
}

Location Artifacts::locate_uri(std::string_view uri, int depth) {
  if (depth > models_hops_max) {
    throw Error(Code::invalid_parameter_value,
                "The model at '" + std::string(uri) + "' refers to itself.");
  }
  if (uri.starts_with("runs:/")) {
    const auto [run_id, path] = split_first(uri.substr(6));
    return locate_uri(run_root(run_id), depth + 1).below(plain_path(safe_path(path)));
  }
  if (uri.starts_with("models:/")) {
    const auto [name, rest] = split_first(uri.substr(8));
    if (name.starts_with("m-")) {
      return locate_uri(model_root(name), depth + 1).below(plain_path(safe_path(rest)));
    }
    const auto [version, path] = split_first(rest);
    return locate_uri(version_root(name, version), depth + 1).below(plain_path(safe_path(path)));
  }
  return locate(destination_, uri);
}

std::string Artifacts::run_root(std::string_view run_id) {
  return database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query("SELECT artifact_uri FROM runs WHERE run_uuid = ?", run_id);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist,
                  "Run with id=" + std::string(run_id) + " not found");
    }
    return rows.text(0);
  });
}

std::string Artifacts::model_root(std::string_view model_id) {
  return database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT artifact_location FROM logged_models WHERE model_id = ? AND lifecycle_stage != "
        "'deleted'",
        model_id);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist,
                  "Logged model with ID '" + std::string(model_id) + "' not found.");
    }
    return rows.text(0);
  });
}

std::string Artifacts::version_root(std::string_view name, std::string_view version) {
  const auto number = parse_int64(version);
  if (!number) {
    throw Error(Code::invalid_parameter_value,
                "Parameter 'version' must be an integer, got '" + std::string(version) + "'.");
  }
  return database_.read([&](db::Tx& tx) {
    db::Rows rows = tx.query(
        "SELECT COALESCE(storage_location, source) FROM model_versions WHERE workspace = 'default' "
        "AND name = ? AND version = ? AND current_stage != 'Deleted_Internal'",
        name, *number);
    if (!rows.next()) {
      throw Error(Code::resource_does_not_exist, "Model Version (name=" + std::string(name) +
                                                     ", version=" + std::string(version) +
                                                     ") not found");
    }
    return rows.text(0);
  });
}

void Artifacts::put(const Location& file, http::BodyReader& body) {
  in_store([&] {
    const store::ObjectHeaders headers = headers_of(file);
    const auto writer = store_.begin_put(file.bucket, file.key, headers);
    std::string buffer(upload_buffer_bytes, '\0');
    while (const std::size_t got = body.read(buffer.data(), buffer.size())) {
      writer->write(std::string_view(buffer).substr(0, got));
    }
    writer->commit(headers);
  });
}

void Artifacts::put(const Location& file, std::string_view content) {
  in_store([&] {
    const store::ObjectHeaders headers = headers_of(file);
    const auto writer = store_.begin_put(file.bucket, file.key, headers);
    writer->write(content);
    writer->commit(headers);
  });
}

bool Artifacts::is_directory(const Location& place) {
  store::ListQuery query;
  query.prefix = place.key.empty() ? "" : place.key + "/";
  query.keys_max = 1;
  return !store_.list(place.bucket, query).objects.empty();
}

std::unique_ptr<store::ObjectReader> Artifacts::open(const Location& file) {
  return in_store([&] {
    auto reader = file.key.empty() ? nullptr : store_.open(file.bucket, file.key);
    if (reader == nullptr && is_directory(file)) {
      throw Error(Code::invalid_parameter_value,
                  "Artifact path refers to a directory, not a file: '" + file.key + "'");
    }
    if (reader == nullptr) {
      throw Error(Code::resource_does_not_exist, "No such artifact: '" + file.key + "'");
    }
    return reader;
  });
}

std::vector<FileInfo> Artifacts::list(const Location& directory, std::string_view shown_directory) {
  const std::string shown = shown_directory.empty() ? "" : std::string(shown_directory) + "/";
  std::vector<FileInfo> entries;
  store::ListQuery query;
  query.prefix = directory.key.empty() ? "" : directory.key + "/";
  query.delimiter = "/";
  query.keys_max = list_page_keys;
  const auto add = [&](std::string_view key, FileInfo entry) {
    key.remove_prefix(query.prefix.size());
    if (key.ends_with('/')) key.remove_suffix(1);
    if (key.empty()) return;  // the zero-byte object some tools write to mark a directory
    entry.path = shown + std::string(key);
    entries.push_back(std::move(entry));
  };
  in_store([&] {
    for (;;) {
      const store::ListPage page = store_.list(directory.bucket, query);
      for (const std::string& prefix : page.common_prefixes) add(prefix, {"", true, std::nullopt});
      for (const store::ObjectInfo& object : page.objects) {
        const auto size = static_cast<std::int64_t>(object.size);
        add(object.key, {"", false, size == 0 ? std::nullopt : std::optional(size)});
      }
      if (!page.truncated) return;
      if (entries.size() > list_entries_max) {
        throw Error(Code::resource_exhausted, "'" + directory.key + "' has more than " +
                                                  std::to_string(list_entries_max) +
                                                  " entries. List a directory below it.");
      }
      query.after = page.next_after;
    }
  });
  std::stable_sort(entries.begin(), entries.end(), [](const FileInfo& left, const FileInfo& right) {
    return left.path < right.path;
  });
  return entries;
}

void Artifacts::remove(const Location& place) {
  in_store([&] {
    store_.remove(place.bucket, place.key);
    store::ListQuery query;
    query.prefix = place.key + "/";
    query.keys_max = list_page_keys;
    for (;;) {
      const store::ListPage page = store_.list(place.bucket, query);
      std::vector<std::string> keys;
      for (const store::ObjectInfo& object : page.objects) keys.push_back(object.key);
      store_.remove_all(place.bucket, keys);
      if (!page.truncated) return;
      query.after = page.next_after;
    }
  });
}

std::string Artifacts::upload_url(const Location& file,
                                  const std::string& content_type,
                                  std::int64_t expires_s) {
  return presign_({.method = "PUT",
                   .bucket = file.bucket,
                   .key = file.key,
                   .content_type = content_type,
                   .expires_s = expires_s});
}

Artifacts::Download Artifacts::download_url(const Location& file, std::int64_t expires_s) {
  const auto bytes = static_cast<std::int64_t>(open(file)->info().size);
  const std::string name = file.key.substr(file.key.rfind('/') + 1);
  return {presign_(
              {.method = "GET",
               .bucket = file.bucket,
               .key = file.key,
               .query = "response-content-disposition=" + percent_encode(content_disposition(name)),
               .expires_s = expires_s}),
          bytes};
}

Artifacts::Upload Artifacts::create_upload(const Location& file, int parts) {
  return in_store([&] {
    store::UploadInfo request;
    request.bucket = file.bucket;
    request.key = file.key;
    request.headers.content_type = content_type_of(file.key);
    Upload upload{store_.create_upload(std::move(request)).id, {}};
    for (int number = 1; number <= parts; ++number) {
      upload.part_urls.push_back(presign_({.method = "PUT",
                                           .bucket = file.bucket,
                                           .key = file.key,
                                           .query = "partNumber=" + std::to_string(number) +
                                                    "&uploadId=" + percent_encode(upload.id),
                                           .expires_s = part_expires_s}));
    }
    return upload;
  });
}

void Artifacts::complete_upload(const Location& file,
                                const std::string& upload_id,
                                const std::vector<store::CompletedPart>& parts) {
  in_store([&] {
    store_.complete_upload(store_.upload(file.bucket, file.key, upload_id), parts, {}, {});
  });
}

void Artifacts::abort_upload(const Location& file, const std::string& upload_id) {
  in_store([&] { store_.abort_upload(store_.upload(file.bucket, file.key, upload_id)); });
}

}  // namespace sandbox::artifacts
