#include "trainers/scores.h"

#include <catch2/catch.hpp>

#include "trainers/progress.h"

using namespace trainers;

TEST_CASE("accuracy and macro F1 are scikit-learn's", "[trainers]") {
  // accuracy_score and f1_score(average="macro") of
  // truth     0 0 0 1 1 2 2 2 2
  // predicted 0 0 1 1 2 2 2 0 2
  Confusion confusion(4);  // nobody is of the last class, and nobody was taken for it
  const std::size_t truths[] = {0, 0, 0, 1, 1, 2, 2, 2, 2};
  const std::size_t predicted[] = {0, 0, 1, 1, 2, 2, 2, 0, 2};
  for (std::size_t i = 0; i < 9; ++i) confusion.add(truths[i], predicted[i]);
  CHECK(confusion.total() == 9);
  CHECK(confusion.accuracy() == Approx(6.0 / 9));
  CHECK(confusion.macro_f1() == Approx((2.0 / 3 + 0.5 + 0.75) / 3));
  CHECK(confusion.accuracy_of(2) == Approx(0.75));
  CHECK(confusion.accuracy_of(3) == 0);
}

TEST_CASE("a class that is only predicted counts as a failure in macro F1", "[trainers]") {
  Confusion confusion(2);
  confusion.add(0, 0);
  confusion.add(0, 1);
  CHECK(confusion.macro_f1() == Approx((2.0 / 3) / 2));
  CHECK(Confusion(3).macro_f1() == 0);
}

TEST_CASE("a progress line says how far, how fast and how long", "[trainers]") {
  CHECK(progress_text({"epoch 1/2", 50, 100, 812.4, "images", 80, "loss 1.5"}) ==
        "epoch 1/2 ━━━━━━━━━━━━──────────── 50/100  812 images/s  1:20 left  loss 1.5");
  CHECK(progress_text({"x", 0, 0, 0, "rows", 0, ""}) ==
        "x ──────────────────────── 0/1  0.0 rows/s  0:00 left");
  CHECK(duration_text(59.6) == "1:00");
  CHECK(duration_text(3 * 3600 + 62) == "3:01:02");
}
