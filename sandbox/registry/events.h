// What the registry tells the outside after a change is durable, with the payload MLflow's webhooks
// carry. Source: mlflow/webhooks/types.py and the registry's part of mlflow/server/handlers.py.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/registry/tags.h"

namespace sandbox::registry {

struct Event {
  std::string_view entity;  // "prompt_version_tag"
  std::string_view action;  // "set"
  std::string payload;      // a JSON object
};

// Called on the thread of the change, after its commit. Must not throw.
using Announce = std::function<void(const Event&)>;

Event model_created(std::string_view name,
                    const std::vector<Tag>& tags,
                    std::string_view description);
struct CreatedVersion {
  std::string_view name;
  std::string_view version;
  std::string_view source;
  std::optional<std::string> run_id;
  std::string_view description;
};
Event version_created(const CreatedVersion& version, const std::vector<Tag>& tags);

// Of a prompt; tags of other registered models are not told about.
Event prompt_tag_set(std::string_view name, const Tag& tag);
Event prompt_tag_deleted(std::string_view name, std::string_view key);

// Of a version and an alias of a prompt or of another registered model.
Event version_tag_set(bool is_prompt,
                      std::string_view name,
                      std::string_view version,
                      const Tag& tag);
Event version_tag_deleted(bool is_prompt,
                          std::string_view name,
                          std::string_view version,
                          std::string_view key);
Event alias_created(bool is_prompt,
                    std::string_view name,
                    std::string_view alias,
                    std::string_view version);
Event alias_deleted(bool is_prompt, std::string_view name, std::string_view alias);

}  // namespace sandbox::registry
