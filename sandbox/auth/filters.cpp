#include "sandbox/auth/filters.h"

#include <algorithm>
#include <functional>

#include "sandbox/auth/checks.h"
#include "sandbox/base/text.h"

namespace sandbox::auth {
namespace {

using Keep = std::function<bool(const JsonView& row)>;

std::string text_of(const JsonView& object, std::string_view name) {
  std::string text;
  if (const auto member = object.member(name)) member->read(text);
  return text;
}

std::string quoted(std::string_view text) {
  std::string out;
  JsonWriter(out).value(text);
  return out;
}

// The list of one answer, as it is filtered.
struct Page {
  std::vector<std::string> kept;  // rows as JSON
  std::size_t count = 0;          // rows before filtering
  std::string token;
};

Page read_page(const JsonView& answer, std::string_view list, const Keep& keep) {
  Page page;
  page.token = text_of(answer, "next_page_token");
  const auto rows = answer.member(list);
  if (!rows || !rows->is_array()) return page;
  page.count = rows->size();
  for (std::size_t i = 0; i < page.count; ++i) {
    if (keep(rows->at(i))) page.kept.push_back(rows->at(i).dump());
  }
  return page;
}

std::string with_rows(const JsonView& answer, std::string_view list, const Page& page) {
  std::string out;
  JsonWriter writer(out);
  writer.begin_object();
  for (const std::string& name : answer.names()) {
    if (name == list || name == "next_page_token") continue;
    writer.name(name);
    writer.raw(answer.member(name)->dump());
  }
  if (!page.kept.empty()) {
    writer.name(list);
    writer.begin_array();
    for (const std::string& row : page.kept) writer.raw(row);
    writer.end_array();
  }
  if (!page.token.empty()) {
    writer.name("next_page_token");
    writer.value(page.token);
  }
  writer.end_object();
  return out;
}

// Takes rows out and, as long as there are further pages, fills the gaps: asking for exactly as
// many rows as are wanting keeps the page's size and its token right.
void filter_rows(Question& question,
                 const http::Handler& next,
                 http::Response& response,
                 std::string_view list,
                 const Keep& keep) {
  if (question.grants().reads_everything()) return;
  const JsonDocument answer(response.body);
  Page page = read_page(answer.root(), list, keep);
  const std::size_t wanted = page.count;  // a page that has a token is full
  while (!page.token.empty() && page.kept.size() < wanted) {
    question.replace({{"max_results", std::to_string(wanted - page.kept.size())},
                      {"page_token", quoted(page.token)},
                      {"maxResults", "null"},
                      {"pageToken", "null"}});
    const http::Response more = next(question.request());
    if (more.status != 200) break;
    const JsonDocument further(more.body);
    Page rest = read_page(further.root(), list, keep);
    std::move(rest.kept.begin(), rest.kept.end(), std::back_inserter(page.kept));
    page.token = rest.token;
    if (rest.count == 0) break;
  }
  response.body = with_rows(answer.root(), list, page);
}

bool is_prompt(const JsonView& row) {
  const auto tags = row.member("tags");
  for (std::size_t i = 0; tags && tags->is_array() && i < tags->size(); ++i) {
    if (text_of(tags->at(i), "key") == "mlflow.prompt.is_prompt") {
      return lower(text_of(tags->at(i), "value")) == "true";
    }
  }
  return false;
}

bool reads_entry(Question& question, const JsonView& row) {
  return question.grants().meets(
      {{is_prompt(row) ? "prompt" : "registered_model", text_of(row, "name")}, Action::read});
}

// The person at this machine is no user that could hold a grant.
void make_owner(Question& question, const std::string& type, const std::string& pattern) {
  const User& user = question.caller().user;
  if (user.id != 0) question.world().accounts.set_grant(user.name, type, pattern, "MANAGE");
}

bool reads_version(Question& question, const JsonView& row) {
  const std::string name = text_of(row, "name");
  const bool is_one = question.world().resources.registry_entry(name) == Resources::Entry::prompt;
  return !name.empty() &&
         question.grants().meets_all(
             {{{is_one ? "prompt" : "registered_model", name}, Action::read},
              {{is_one ? "prompt_version" : "registered_model_version", "*"}, Action::not_denied}});
}

// Copies an answer of GraphQL without the model versions that may not be read.
void copy_readable(Question& question,
                   JsonWriter& writer,
                   const JsonView& value,
                   bool is_versions) {
  if (value.is_object()) {
    writer.begin_object();
    for (const std::string& name : value.names()) {
      writer.name(name);
      copy_readable(question, writer, *value.member(name), name == "modelVersions");
    }
    writer.end_object();
  } else if (value.is_array()) {
    writer.begin_array();
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (is_versions && !reads_version(question, value.at(i))) continue;
      copy_readable(question, writer, value.at(i), false);
    }
    writer.end_array();
  } else {
    writer.raw(value.dump());
  }
}

std::string scorer_pattern(const std::string& experiment, const std::string& name) {
  return experiment + "/" + percent_encode(name);
}

}  // namespace

namespace after {

void filter_experiments(Question& question, const http::Handler& next, http::Response& response) {
  filter_rows(question, next, response, "experiments", [&](const JsonView& row) {
    return reads_experiment(question.caller(), text_of(row, "experiment_id"));
  });
}

void filter_logged_models(Question& question, const http::Handler& next, http::Response& response) {
  const bool is_denied = !question.grants().meets({{"logged_model", "*"}, Action::not_denied});
  filter_rows(question, next, response, "models", [&](const JsonView& row) {
    const auto info = row.member("info");
    return !is_denied && info &&
           reads_experiment(question.caller(), text_of(*info, "experiment_id"));
  });
}

void filter_models(Question& question, const http::Handler& next, http::Response& response) {
  filter_rows(question, next, response, "registered_models",
              [&](const JsonView& row) { return reads_entry(question, row); });
}

void filter_versions(Question& question, const http::Handler& next, http::Response& response) {
  filter_rows(question, next, response, "model_versions", [&](const JsonView& row) {
    const Key tier{is_prompt(row) ? "prompt_version" : "registered_model_version", "*"};
    return reads_entry(question, row) && question.grants().meets({tier, Action::not_denied});
  });
}

void filter_scorers(Question& question, const http::Handler& next, http::Response& response) {
  const bool is_denied = !question.grants().meets({{"scorer_version", "*"}, Action::not_denied});
  filter_rows(question, next, response, "scorers", [&](const JsonView& row) {
    std::int64_t experiment = 0;
    if (const auto id = row.member("experiment_id")) id->read(experiment);
    const Key scorer{"scorer",
                     scorer_pattern(std::to_string(experiment), text_of(row, "scorer_name"))};
    return !is_denied && reads_experiment(question.caller(), std::to_string(experiment)) &&
           question.grants().meets({scorer, Action::read});
  });
}

void filter_review_queues(Question& question, const http::Handler& next, http::Response& response) {
  const auto rows = [&](const JsonView& row) {
    return sees_review_queue(question, text_of(row, "queue_id"));
  };
  filter_rows(question, next, response, "review_queues", rows);
}

void filter_artifacts(Question& question, const http::Handler& next, http::Response& response) {
  // Only the top of the store lists what belongs to several experiments.
  if (!question.request().query.get("path").empty()) return;
  filter_rows(question, next, response, "files", [&](const JsonView& row) {
    const std::string name = text_of(row, "path");
    return !parse_int64(name) || reads_experiment(question.caller(), name);
  });
}

void filter_graphql(Question& question, const http::Handler& /*next*/, http::Response& response) {
  if (question.grants().reads_everything()) return;
  const JsonDocument answer(response.body);
  std::string out;
  JsonWriter writer(out);
  copy_readable(question, writer, answer.root(), false);
  response.body = std::move(out);
}

void own_experiment(Question& question, const http::Handler& /*next*/, http::Response& response) {
  const JsonDocument answer(response.body);
  make_owner(question, "experiment", text_of(answer.root(), "experiment_id"));
}

void own_model(Question& question, const http::Handler& /*next*/, http::Response& response) {
  const JsonDocument answer(response.body);
  const auto model = answer.root().member("registered_model");
  if (!model) return;
  make_owner(question, is_prompt(*model) ? "prompt" : "registered_model", text_of(*model, "name"));
}

void forget_model(Question& question, const http::Handler& /*next*/, http::Response& /*answer*/) {
  for (const char* type : {"registered_model", "prompt"}) {
    question.world().accounts.forget_resource(type, question.text("name"));
  }
}

void rename_model(Question& question, const http::Handler& /*next*/, http::Response& /*answer*/) {
  for (const char* type : {"registered_model", "prompt"}) {
    question.world().accounts.rename_resource(type, question.text("name"),
                                              question.text("new_name"));
  }
}

void own_scorer(Question& question, const http::Handler& /*next*/, http::Response& /*answer*/) {
  make_owner(question, "scorer",
             scorer_pattern(question.text("experiment_id"), question.text("name")));
}

void forget_scorer(Question& question, const http::Handler& /*next*/, http::Response& /*answer*/) {
  if (question.maybe_number("version")) return;
  question.world().accounts.forget_resource(
      "scorer", scorer_pattern(question.text("experiment_id"), question.text("name")));
}

}  // namespace after
}  // namespace sandbox::auth
