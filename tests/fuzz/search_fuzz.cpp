// Every search on a small world: a filter and an order are answered or refused as a mistake of the
// caller; SQL made from them always prepares and runs.
#include <array>
#include <stdexcept>

#include "sandbox/base/error.h"
#include "sandbox/registry/model_versions.h"
#include "sandbox/registry/registered_models.h"
#include "sandbox/tracking/experiments.h"
#include "sandbox/tracking/logged_models.h"
#include "sandbox/tracking/runs.h"
#include "tests/fuzz/filter_seeds.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/fake_env.h"

using namespace sandbox;  // NOLINT(google-build-using-namespace): a test of these namespaces

namespace {

constexpr std::int64_t page = 3;

struct World {
  FakeEnv env;
  std::unique_ptr<db::Database> database = db::open_database("sqlite://");
  tracking::Experiments experiments{env, *database, "mlflow-artifacts:/"};
  tracking::Runs runs{env, *database};
  tracking::LoggedModels logged_models{env, *database};
  registry::RegisteredModels registered_models{env, *database};
  registry::ModelVersions model_versions{env, *database};

  World() {
    const std::string id = experiments.create("a", "", {{"k", "v"}});
    for (const char* name : {"a", "b", "run"}) {
      tracking::NewRun run;
      run.experiment_id = id;
      run.run_name = name;
      const std::string run_id = runs.create(run).info.run_id;
      runs.log_batch(run_id, {{"acc", 0.5, 1, 1, {}, {}, {}}}, {{"a b", "x"}}, {{"t", "1"}});
      tracking::NewLoggedModel model;
      model.experiment_id = id;
      model.name = name;
      model.params = {{"b", "c"}};
      logged_models.create(model);
      registered_models.create(name, "", {{"k", "v"}});
      model_versions.create({.name = name, .source = "s3://b/x"});
    }
  }
};

// The keys of one search.
struct Keys {
  std::vector<std::string> texts;
  std::vector<std::string> numbers;
  std::vector<std::string> orders;
};

// Builds filters that are nearly right: each byte of the input chooses a word.
class Writer {
 public:
  explicit Writer(std::string_view choices) : choices_(choices) {}

  std::string filter(const Keys& keys) {
    std::string out = clause(keys);
    for (std::size_t more = choice(3); more > 0; --more) out += " AND " + clause(keys);
    return out;
  }

  std::string order(const Keys& keys) {
    static const std::vector<std::string> directions{"", " ASC", " DESC", " desc"};
    return word(keys.orders) + word(directions);
  }

 private:
  std::string clause(const Keys& keys) {
    static const std::vector<std::string> texts{"'x'",     "''",           "'%a_'",     "\"a\"",
                                                "'it''s'", "'\\'",         "'1'",       "'한'",
                                                "'READY'", "'%s ? :x $1'", "'FINISHED'"};
    static const std::vector<std::string> numbers{
        "5", "-1.5", "1e308", "1e-400", "+.5", "0", "99999999999999999999"};
    static const std::vector<std::string> lists{"('a')", "('a', 'b')", "('it''s', \"b\")",
                                                "('1','2','3',)", "(1, 2)"};
    static const std::vector<std::string> of_numbers{"=", "!=", "<", "<=", ">", ">="};
    static const std::vector<std::string> of_texts{"=", "!=", "LIKE", "ILIKE", "like"};
    static const std::vector<std::string> rare{"IN", "NOT IN", "IS NULL", "IS NOT NULL"};
    const bool is_number = choice(3) == 0;
    const std::string key = word(is_number ? keys.numbers : keys.texts);
    if (choice(5) == 0) {
      const std::string& comparator = word(rare);
      return key + " " + comparator + (comparator.ends_with("IN") ? " " + word(lists) : "");
    }
    const bool is_mixed_up = choice(16) == 0;
    return key + " " + word(is_number ? of_numbers : of_texts) + " " +
           word(is_number != is_mixed_up ? numbers : texts);
  }

  const std::string& word(const std::vector<std::string>& words) {
    return words[choice(words.size())];
  }
  std::size_t choice(std::size_t limit) {
    if (choices_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(choices_[at_ % choices_.size()]);
    ++at_;
    return (byte * 7U + at_) % limit;
  }

  std::string_view choices_;
  std::size_t at_ = 0;
};

const std::vector<Keys> searches{
    {{"name", "experiment_id", "attributes.name", "tags.k", "tags.`k x`", "attribute.`name`"},
     {"creation_time", "last_update_time"},
     {"name", "experiment_id", "creation_time", "last_update_time"}},
    {{"params.`a b`", "params.x", "tags.t", "status", "run_id", "attributes.run_name", "run name",
      "user_id", "artifact_uri", "dataset.name", "dataset.digest", "datasets.context"},
     {"metrics.acc", "metrics.`a b`", "start_time", "end_time", "created"},
     {"metrics.acc", "params.`a b`", "tags.t", "start_time", "run_name", "status", "end_time"}},
    {{"name", "tags.k", "tag.`k`", "tags.mlflow.prompt.is_prompt"},
     {"name"},
     {"name", "timestamp", "last_updated_timestamp"}},
    {{"name", "run_id", "source_path", "tags.k", "tags.mlflow.prompt.is_prompt"},
     {"version_number"},
     {"name", "version_number", "creation_timestamp", "last_updated_timestamp"}},
    {{"name", "attributes.model_id", "model_type", "status", "source_run_id", "params.b", "tags.t"},
     {"creation_timestamp", "last_updated_timestamp", "metrics.acc", "metrics.`a b`"},
     {"metrics.acc", "creation_timestamp", "name"}}};

template <class Function>
void answered_or_refused(const char* search, Function function) {
  try {
    function();
  } catch (const Error& refusal) {
    if (http_status(refusal.code()) >= 500) {
      throw std::logic_error(std::string(search) + ": " + refusal.message());
    }
  }
}

}  // namespace

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds;
  const std::vector<std::string> filters = filter_seeds();
  const std::vector<std::string> orders = order_seeds();
  for (std::size_t i = 0; i < filters.size(); ++i) {
    seeds.push_back(filters[i]);
    seeds.push_back(filters[i] + "\n" + orders[i % orders.size()]);
  }
  return seeds;
}

// Every search with one filter and one order.
static void search(World& world, const std::string& filter, const std::string& order) {
  const std::vector<std::string> orders{order};
  answered_or_refused("experiments",
                      [&] { world.experiments.search(filter, orders, "ALL", page, ""); });
  answered_or_refused("runs", [&] { world.runs.search({{"1"}, filter, "ALL", page, orders, ""}); });
  answered_or_refused("registered models",
                      [&] { world.registered_models.search(filter, orders, page, ""); });
  answered_or_refused("model versions",
                      [&] { world.model_versions.search(filter, orders, page, ""); });
  answered_or_refused("logged models", [&] {
    tracking::SearchLoggedModels in;
    in.experiment_ids = {"1"};
    in.filter = filter;
    in.max_results = page;
    in.order_by.emplace_back().field_name = order;
    in.order_by.back().dataset_name = "d";
    world.logged_models.search(in);
  });
}

// The first line is a filter, the rest an order; then all of it chooses the words of better ones.
void fuzz_one(std::string_view input) {
  static World world;
  const std::size_t line = std::min(input.find('\n'), input.size());
  search(world, std::string(input.substr(0, line)),
         std::string(input.substr(std::min(line + 1, input.size()))));
  for (const Keys& keys : searches) {
    Writer writer(input);
    const std::string filter = writer.filter(keys);
    search(world, filter, writer.order(keys));
  }
}
