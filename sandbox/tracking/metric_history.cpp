#include <algorithm>
#include <cmath>
#include <limits>

#include "sandbox/base/error.h"
#include "sandbox/tracking/filter.h"
#include "sandbox/tracking/metrics.h"

namespace sandbox::tracking {
namespace {

// Columns value, timestamp, step, is_nan.
template <class Point>
void read_point(const db::Rows& rows, const std::string& key, Point& point) {
  point.key = key;
  point.value = rows.integer(3) != 0 ? std::nan("") : rows.real(0);
  point.timestamp = rows.integer(1);
  point.step = rows.integer(2);
}

// One run's curve between two steps. The steps stand in an index, so counting and skipping
// read no row; only the points that are shown are looked up.
class Curve {
 public:
  Curve(db::Tx& tx, const std::string& run_id, const std::string& key, const StepRange& steps)
      : tx_(tx), run_id_(run_id), key_(key), steps_(steps) {}

  void sample(std::int64_t points_max, std::vector<RunMetric>& out) {
    const std::int64_t points = count(steps_.first, steps_.last);
    if (points <= points_max) {
      append_all(out);
      return;
    }
    const std::size_t before = out.size();
    if (!append_skipping(points, points_max, out)) {
      append_ranks(first_of_buckets(points, points_max), out);
    }
    append_last(out);
    // The last point takes the place of the last sample when there is no room beside it.
    if (static_cast<std::int64_t>(out.size() - before) > points_max) out.erase(out.end() - 2);
  }

 private:
  std::int64_t count(std::int64_t first, std::int64_t last) {
    db::Rows rows = tx_.query(
        "SELECT COUNT(*) FROM metrics WHERE run_uuid = ? AND key = ? AND step BETWEEN ? AND ?",
        run_id_, key_, first, last);
    return rows.next() ? rows.integer(0) : 0;
  }

  // Ranks as NTILE deals `count` rows to `buckets`: the first count % buckets get one more.
  static std::vector<std::int64_t> first_of_buckets(std::int64_t count, std::int64_t buckets) {
    std::vector<std::int64_t> ranks;
    ranks.reserve(static_cast<std::size_t>(buckets));
    for (std::int64_t i = 0; i < buckets; ++i) {
      ranks.push_back(i * (count / buckets) + std::min(i, count % buckets));
    }
    return ranks;
  }

  void append(db::Rows& rows, std::vector<RunMetric>& out) {
    while (rows.next()) {
      RunMetric& point = out.emplace_back();
      point.run_id = run_id_;
      read_point(rows, key_, point);
    }
  }

  void append_all(std::vector<RunMetric>& out) {
    db::Rows rows = tx_.query(
        "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? AND "
        "step BETWEEN ? AND ? ORDER BY step, timestamp, value, is_nan",
        run_id_, key_, steps_.first, steps_.last);
    append(rows, out);
  }

  // The last step is asked for by itself: an index tells it without sorting.
  void append_last(std::vector<RunMetric>& out) {
    db::Rows rows = tx_.query(
        "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? AND "
        "step = (SELECT step FROM metrics WHERE run_uuid = ? AND key = ? AND step BETWEEN ? AND ? "
        "ORDER BY step DESC LIMIT 1) ORDER BY timestamp DESC, value DESC, is_nan DESC LIMIT 1",
        run_id_, key_, run_id_, key_, steps_.first, steps_.last);
    append(rows, out);
  }

  // The first points of the buckets where none of them shares its step with another point, in two
  // statements: one bucket's size after the other is skipped inside the database. Otherwise false,
  // and nothing is appended.
  bool append_skipping(std::int64_t points, std::int64_t buckets, std::vector<RunMetric>& out) {
    const std::int64_t size = points / buckets;
    const std::int64_t larger = points % buckets;  // so many buckets hold one more, the first ones
    std::vector<RunMetric> found;
    if (!append_skipped(step_after(steps_.first, 0), size + 1, larger, found)) return false;
    if (!append_skipped(found.back().step, size, buckets - 1 - larger, found)) return false;
    out.insert(out.end(), found.begin(), found.end());
    return true;
  }

  // The point at `step`, unless `found` ends with it, and after it `times` more, each so many
  // points after the one before.
  bool append_skipped(std::int64_t step,
                      std::int64_t points,
                      std::int64_t times,
                      std::vector<RunMetric>& found) {
    if (!found.empty()) found.pop_back();
    // Single values instead of a join, for which PostgreSQL would read the whole curve.
    const std::string at_step =
        " FROM metrics p WHERE p.run_uuid = ? AND p.key = ? AND p.step = "
        "picked.step LIMIT ";
    db::Rows rows = tx_.query(
        "WITH RECURSIVE picked (place, step) AS (SELECT CAST(0 AS BIGINT), CAST(? AS BIGINT) UNION "
        "ALL SELECT place + 1, (SELECT m.step FROM metrics m WHERE m.run_uuid = ? AND m.key = ? "
        "AND m.step >= picked.step ORDER BY m.step LIMIT 1 OFFSET ?) FROM picked WHERE place < ?) "
        "SELECT (SELECT p.value" +
            at_step + "1), (SELECT p.timestamp" + at_step + "1), picked.step, (SELECT p.is_nan" +
            at_step + "1), (SELECT COUNT(*) FROM (SELECT 1" + at_step +
            "2) matches) FROM picked ORDER BY picked.place",
        step, run_id_, key_, points, times, run_id_, key_, run_id_, key_, run_id_, key_, run_id_,
        key_);
    while (rows.next()) {
      if (rows.integer(4) != 1) return false;
      RunMetric& point = found.emplace_back();
      point.run_id = run_id_;
      read_point(rows, key_, point);
    }
    return true;
  }

  // Points at rising ranks. From one to the next the database skips within the index; how many
  // points share a step is asked only where a step is met.
  void append_ranks(const std::vector<std::int64_t>& ranks, std::vector<RunMetric>& out) {
    std::int64_t step = steps_.first;
    std::int64_t rank_of_step = 0;  // of the first point at `step` or after it
    for (const std::int64_t rank : ranks) {
      const std::int64_t next = step_after(step, rank - rank_of_step);
      if (next != step) {
        const std::int64_t same = count(next, next);
        rank_of_step = same == 1 ? rank : rank_of_step + count(step, next - 1);
        step = next;
      }
      append_one(step, rank - rank_of_step, out);
    }
  }

  std::int64_t step_after(std::int64_t step, std::int64_t points) {
    db::Rows rows = tx_.query(
        "SELECT step FROM metrics WHERE run_uuid = ? AND key = ? AND step >= ? ORDER BY step LIMIT "
        "1 OFFSET ?",
        run_id_, key_, step, points);
    return rows.next() ? rows.integer(0) : step;
  }

  void append_one(std::int64_t step, std::int64_t offset, std::vector<RunMetric>& out) {
    db::Rows rows = tx_.query(
        "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? AND "
        "step = ? ORDER BY timestamp, value, is_nan LIMIT 1 OFFSET ?",
        run_id_, key_, step, offset);
    append(rows, out);
  }

  db::Tx& tx_;
  const std::string& run_id_;
  const std::string& key_;
  StepRange steps_;
};

}  // namespace

MetricPage Metrics::history(const std::string& run_id,
                            const std::string& metric_key,
                            std::optional<std::int64_t> max_results,
                            std::string_view page_token) {
  if (max_results && *max_results < 1) {
    throw Error(Code::invalid_parameter_value,
                "Invalid value " + std::to_string(*max_results) +
                    " for parameter 'max_results' supplied. It must be a positive integer.");
  }
  const std::int64_t offset = token_offset(page_token);
  // Without a limit all points come; the database is asked for one more than a page has.
  const std::int64_t page_size = max_results ? std::min(*max_results, history_points_max)
                                             : std::numeric_limits<std::int64_t>::max() - 1;
  return database_.read([&](db::Tx& tx) {
    MetricPage page;
    db::Rows rows = tx.query_long(
        "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER "
        "BY timestamp, step, value LIMIT ? OFFSET ?",
        run_id, metric_key, page_size + 1, offset);
    while (rows.next()) {
      if (static_cast<std::int64_t>(page.metrics.size()) == page_size) {
        page.next_page_token = offset_token(offset + page_size);
        break;
      }
      read_point(rows, metric_key, page.metrics.emplace_back());
    }
    return page;
  });
}

std::vector<RunMetric> Metrics::history_in_bulk(std::vector<std::string> run_ids,
                                                const std::string& metric_key,
                                                std::int64_t max_results) {
  std::sort(run_ids.begin(), run_ids.end());
  run_ids.erase(std::unique(run_ids.begin(), run_ids.end()), run_ids.end());
  const auto limit = static_cast<std::size_t>(std::min(max_results, history_points_max));
  return database_.read([&](db::Tx& tx) {
    std::vector<RunMetric> points;
    for (const std::string& run_id : run_ids) {
      if (points.size() >= limit) break;
      db::Rows rows = tx.query(
          "SELECT value, timestamp, step, is_nan FROM metrics WHERE run_uuid = ? AND key = ? ORDER "
          "BY timestamp, step, value LIMIT ?",
          run_id, metric_key, static_cast<std::int64_t>(limit - points.size()));
      while (rows.next()) {
        RunMetric& point = points.emplace_back();
        point.run_id = run_id;
        read_point(rows, metric_key, point);
      }
    }
    return points;
  });
}

std::vector<RunMetric> Metrics::history_interval(const std::vector<std::string>& run_ids,
                                                 const std::string& metric_key,
                                                 std::int64_t points_max,
                                                 const std::optional<StepRange>& steps) {
  constexpr StepRange all{std::numeric_limits<std::int64_t>::min(),
                          std::numeric_limits<std::int64_t>::max()};
  return database_.read([&](db::Tx& tx) {
    std::vector<RunMetric> points;
    for (const std::string& run_id : run_ids) {
      Curve(tx, run_id, metric_key, steps.value_or(all)).sample(points_max, points);
    }
    return points;
  });
}

}  // namespace sandbox::tracking
