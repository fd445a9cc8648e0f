// An object as the answer of a download: type by name, always an attachment, with ETag, ranges and
// conditions. Source of the rules: MLflow 3.17's artifact responses (Starlette's FileResponse).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "embedded_store/object_store.h"
#include "sandbox/http/request.h"

namespace sandbox::artifacts {

// The type a browser is told, from the last part of the path: text formats are text/plain so that
// the UI shows them, unknown ones application/octet-stream.
std::string content_type_of(std::string_view path);

// `attachment; filename=…`, with RFC 5987's filename* beside it where the name is not ASCII. Never
// inline: a page stored by somebody must not run on the server's own address.
std::string content_disposition(std::string_view file_name);

// 200, 206, 304 or 416 for a GET, the head alone for a HEAD. Several ranges at once are answered
// with the whole file. Throws Error(invalid_parameter_value) for a Range that says nothing.
http::Response download(const http::Request& request, std::unique_ptr<store::ObjectReader> reader);

}  // namespace sandbox::artifacts
