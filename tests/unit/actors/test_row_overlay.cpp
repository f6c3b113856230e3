// The overlay's two views and what it forgets.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "actors/row_overlay.hpp"

namespace coffer::actors {
namespace {

using Rows = std::vector<storage::RowChange>;

TEST(RowOverlay, WritersSeeTheNewestRowAndReadersTheCommittedOne) {
  RowOverlay overlay;
  overlay.stage(1, Rows{{"r", "one"}});
  overlay.stage(2, Rows{{"r", "two"}});
  EXPECT_EQ(*overlay.latest("r").value, "two");
  EXPECT_FALSE(overlay.committed("r").found);
  overlay.commit(1, model::Index{10});
  EXPECT_EQ(*overlay.committed("r").value, "one");
  EXPECT_EQ(*overlay.latest("r").value, "two");
}

TEST(RowOverlay, ADeletionIsFoundAndHidesTheState) {
  RowOverlay overlay;
  overlay.stage(1, Rows{{"r", std::nullopt}});
  overlay.commit(1, model::Index{10});
  ASSERT_TRUE(overlay.committed("r").found);
  EXPECT_FALSE(overlay.committed("r").value->has_value());
}

TEST(RowOverlay, ForgetsWhatTheStateHoldsAndNothingElse) {
  RowOverlay overlay;
  overlay.stage(1, Rows{{"a", "1"}});
  overlay.stage(2, Rows{{"a", "2"}, {"b", "2"}});
  overlay.stage(3, Rows{{"a", "3"}});
  overlay.commit(1, model::Index{10});
  overlay.commit(2, model::Index{11});
  overlay.trim(model::Index{10});
  EXPECT_EQ(*overlay.committed("a").value, "2");
  overlay.trim(model::Index{11});
  EXPECT_FALSE(overlay.committed("a").found);
  EXPECT_FALSE(overlay.latest("b").found);
  EXPECT_EQ(*overlay.latest("a").value, "3") << "what is not committed stays";
  overlay.commit(3, model::Index{12});
  overlay.trim(model::Index{12});
  EXPECT_EQ(overlay.bytes(), 0U);
}

TEST(RowOverlay, OneCommitMayCoverSeveralWriteSets) {
  RowOverlay overlay;
  for (std::uint64_t i = 1; i <= 3; ++i) overlay.stage(i, Rows{{"r", std::to_string(i)}});
  overlay.commit(3, model::Index{20});
  EXPECT_EQ(*overlay.committed("r").value, "3");
  overlay.trim(model::Index{20});
  EXPECT_EQ(overlay.bytes(), 0U);
}

TEST(RowOverlay, WalksCommittedRowsOfAPrefixOnly) {
  RowOverlay overlay;
  overlay.stage(1, Rows{{"ea", "1"}, {"eb", "1"}, {"va", "1"}});
  overlay.commit(1, model::Index{5});
  overlay.stage(2, Rows{{"ec", "2"}});
  int seen = 0;
  overlay.each_committed("e", [&](std::string_view, const std::optional<std::string>&) { ++seen; });
  EXPECT_EQ(seen, 2);
}

TEST(RowOverlay, ForgetsARowThatOneWriteSetChangesTwice) {
  RowOverlay overlay;
  overlay.stage(1, Rows{{"r", "one"}, {"r", "two"}, {"s", "three"}});
  EXPECT_EQ(*overlay.latest("r").value, "two");
  overlay.commit(1, model::Index{10});
  overlay.trim(model::Index{10});
  EXPECT_FALSE(overlay.latest("r").found);
  EXPECT_FALSE(overlay.latest("s").found);
  EXPECT_EQ(overlay.bytes(), 0U);
}

TEST(RowOverlay, KeepsExactlyWhatIsNotCoveredYetHoweverManyWriteSetsGoAtOnce) {
  struct Written {
    std::uint64_t sequence;
    std::string value;
  };
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::minstd_rand random(seed + 1);
    RowOverlay overlay;
    std::map<std::string, std::vector<Written>> kept;  // write set i of the test stands at index i
    std::uint64_t staged = 0, committed = 0, applied = 0;
    for (int step = 0; step < 300; ++step) {
      if (const auto choice = random() % 4; choice < 2) {
        Rows rows;
        ++staged;
        for (unsigned i = random() % 4 + 1; i > 0; --i) {
          const std::string row = std::to_string(random() % 3), value = std::to_string(random());
          rows.push_back({row, value});
          kept[row].push_back({staged, value});
        }
        overlay.stage(staged, std::move(rows));
      } else if (choice == 2) {
        for (; committed < staged && random() % 4 != 0; ++committed)
          overlay.commit(committed + 1, model::Index{committed + 1});
      } else {
        applied += random() % (committed - applied + 1);
        overlay.trim(model::Index{applied});
        for (auto& [row, values] : kept) {
          std::erase_if(values, [&](const Written& written) { return written.sequence <= applied; });
        }
      }
      std::size_t bytes = 0;
      for (const auto& [row, values] : kept) {
        for (const Written& written : values) bytes += row.size() + written.value.size();
        ASSERT_EQ(overlay.latest(row).found, !values.empty()) << "seed " << seed << ", step " << step;
        if (values.empty()) continue;
        ASSERT_EQ(*overlay.latest(row).value, values.back().value) << "seed " << seed;
      }
      ASSERT_EQ(overlay.bytes(), bytes) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace coffer::actors
