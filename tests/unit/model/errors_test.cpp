// The error catalogue: complete, unique, and mapped to HTTP as google.rpc.Code says.

#include "model/errors.hpp"

#include <gtest/gtest.h>

#include <array>
#include <set>
#include <utility>

namespace coffer::model {
namespace {

// The compiler prints an enumerator by its name and any other number as a cast: so the catalogue is compared with the
// enumeration itself, not with a second list.
template <Code kCode>
constexpr bool is_enumerator() {
  return std::string_view(__PRETTY_FUNCTION__).find("(coffer::model::Code)") == std::string_view::npos;
}
constexpr std::size_t kTried = 512;
template <std::size_t... kNumbers>
constexpr std::array<bool, kTried> enumerators(std::index_sequence<kNumbers...>) {
  return {is_enumerator<static_cast<Code>(kNumbers)>()...};
}
constexpr auto kIsEnumerator = enumerators(std::make_index_sequence<kTried>{});
static_assert(kIsEnumerator[0] && kIsEnumerator[27] && !kIsEnumerator[511], "the compiler's wording has changed");

TEST(ErrorCatalogue, HasOneRowForEveryCodeAndNoOther) {
  std::set<Code> in_catalogue;
  for (const CodeInfo& row : catalogue()) {
    EXPECT_TRUE(in_catalogue.insert(row.code).second) << static_cast<int>(row.code) << " stands twice";
  }
  for (std::size_t number = 0; number < kTried; ++number) {
    EXPECT_EQ(in_catalogue.contains(static_cast<Code>(number)), kIsEnumerator[number]) << "code " << number;
  }
}

TEST(ErrorCatalogue, EveryCodeHasANameAndASentence) {
  for (const CodeInfo& row : catalogue()) {
    EXPECT_EQ(&info(row.code), &row);
    EXPECT_EQ(row.name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), std::string_view::npos) << row.name;
    EXPECT_FALSE(row.name.empty());
    EXPECT_GT(row.sentence.size(), 10u) << row.name;
    EXPECT_EQ(row.sentence.back(), '.') << row.sentence;
  }
}

TEST(ErrorCatalogue, NamesAreTheCategorysUnlessAClientMustActOtherwise) {
  const std::set<Code> own_name{Code::request_id_reused, Code::outcome_unknown, Code::sealed,
                                Code::disk_error,        Code::quota_exceeded,  Code::key_mismatch,
                                Code::write_only,        Code::read_only,       Code::revision_compacted};
  for (const CodeInfo& row : catalogue()) {
    EXPECT_EQ(row.name != category_name(row.category), own_name.contains(row.code)) << row.name;
  }
  EXPECT_EQ(info(Code::entry_not_found).name, "NOT_FOUND");
  EXPECT_EQ(info(Code::cas_mismatch).name, "ABORTED");
}

TEST(ErrorCatalogue, ACodeFromANewerNodeReadsAsInternal) {
  EXPECT_EQ(info(static_cast<Code>(9999)).code, Code::internal);
}

TEST(ErrorCatalogue, CategoriesMapToHttp) {
  const std::pair<Category, int> expected[] = {
      {Category::ok, 200},
      {Category::unknown, 500},
      {Category::invalid_argument, 400},
      {Category::deadline_exceeded, 504},
      {Category::not_found, 404},
      {Category::already_exists, 409},
      {Category::permission_denied, 403},
      {Category::resource_exhausted, 429},
      {Category::failed_precondition, 400},
      {Category::aborted, 409},
      {Category::out_of_range, 400},
      {Category::unimplemented, 501},
      {Category::internal, 500},
      {Category::unavailable, 503},
      {Category::data_loss, 500},
      {Category::unauthenticated, 401},
  };
  std::set<std::string_view> names;
  for (const auto& [category, status] : expected) {
    EXPECT_EQ(http_status(category), status) << category_name(category);
    EXPECT_TRUE(names.insert(category_name(category)).second) << category_name(category);
  }
}

TEST(Error, SaysItsDetailOrTheCataloguesSentence) {
  EXPECT_EQ(Error(Code::sealed).message(), info(Code::sealed).sentence);
  EXPECT_EQ(Error(Code::sealed, "node 3 is sealed").message(), "node 3 is sealed");
  EXPECT_EQ(Error(Code::sealed).category(), Category::unavailable);
}

}  // namespace
}  // namespace coffer::model
