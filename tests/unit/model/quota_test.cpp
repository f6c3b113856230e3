// Limits of a tenant: what is in force, what a request takes from a bucket and when there is more, what may be held.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "golden.hpp"
#include "model/codec.hpp"
#include "model/quota.hpp"
#include "model/rules.hpp"

namespace coffer::model {
namespace {

using ::testing::HasSubstr;

constexpr TimeMs kNow = 1'700'000'000'000;

TEST(Quota, IsTheTenantsOwnOverTheDefaults) {
  QuotaLimits defaults;
  defaults[Limit::entries] = 10;
  defaults[Limit::reads] = 5;
  Quota own;
  own[Limit::entries] = 0;
  own[Limit::writes] = 7;
  const QuotaLimits limits = limits_in_force(own, defaults);
  EXPECT_EQ(limits[Limit::entries], 0U) << "0 is a limit of its own: none";
  EXPECT_EQ(limits[Limit::reads], 5U);
  EXPECT_EQ(limits[Limit::writes], 7U);
  EXPECT_EQ(limits[Limit::bytes], 0U);
}

TEST(Quota, EveryLimitHasAName) {
  for (const Limit limit : kAllLimits) EXPECT_EQ(*parse_limit(limit_name(limit)), limit);
  EXPECT_EQ(parse_limit("read").error().code, Code::invalid_argument);
  EXPECT_EQ(limit_name(rate_limit(RequestClass::list)), "lists_per_second");
  EXPECT_TRUE(is_burst(Limit::list_burst));
  EXPECT_FALSE(is_burst(Limit::lists));
  EXPECT_FALSE(is_burst(Limit::bytes));
}

TEST(TokenBucket, BeginsFullAndRefillsSteadily) {
  TokenBucket bucket;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(2, 3, 1, kNow), 0U) << i;
  EXPECT_EQ(bucket.take(2, 3, 1, kNow), 500U);
  EXPECT_EQ(bucket.take(2, 3, 1, kNow + 499), 1U);
  EXPECT_EQ(bucket.take(2, 3, 1, kNow + 500), 0U);
  EXPECT_EQ(bucket.take(2, 3, 1, kNow + 500), 500U);
  // Saved up no further than the burst.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(bucket.take(2, 3, 1, kNow + 1'000'000), 0U) << i;
  EXPECT_NE(bucket.take(2, 3, 1, kNow + 1'000'000), 0U);
}

TEST(TokenBucket, LosesNothingOfRatesThatNoMillisecondDivides) {
  TokenBucket bucket;
  int taken = 0;
  for (TimeMs t = 0; t < 100'000; ++t) taken += bucket.take(7, 2, 1, kNow + t) == 0;
  EXPECT_EQ(taken, 701) << "two that were there, and 699.99";
}

TEST(TokenBucket, GivesACostAboveTheBurstWhenItIsFull) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(1, 4, 100, kNow), 0U);
  EXPECT_EQ(bucket.take(1, 4, 100, kNow), 4000U);
  EXPECT_EQ(bucket.take(1, 4, 100, kNow + 4000), 0U);
}

TEST(TokenBucket, GoesOnAfterTheClockStepsBack) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(1, 1, 1, kNow), 0U);
  EXPECT_EQ(bucket.take(1, 1, 1, kNow - 3'600'000), 1000U) << "nothing is given for it";
  EXPECT_EQ(bucket.take(1, 1, 1, kNow - 3'600'000 + 1000), 0U) << "nor is it waited for";
}

TEST(TokenBucket, KeepsWithinASmallerBurst) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(100, 100, 1, kNow), 0U);
  EXPECT_EQ(bucket.take(1, 1, 1, kNow), 0U);
  EXPECT_EQ(bucket.take(1, 1, 1, kNow), 1000U);
}

TEST(TokenBucket, StandsTheLargestNumbers) {
  TokenBucket bucket;
  const std::uint64_t most = limit_maximum(Limit::reads);
  EXPECT_EQ(bucket.take(most, most, most, 0), 0U);
  EXPECT_EQ(bucket.take(most, most, most, INT64_MAX / 2), 0U);
  EXPECT_EQ(bucket.take(1, most, most, INT64_MAX / 2), most * 1000);
}

TEST(RequestRates, AreOfEachClassAndSayWhichIsReached) {
  QuotaLimits limits;
  limits[Limit::reads] = 1;
  limits[Limit::writes] = 3;
  RequestRates rates;
  EXPECT_TRUE(rates.take(limits, RequestClass::read, 1, kNow).ok());
  const Status refused = rates.take(limits, RequestClass::read, 1, kNow);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::quota_exceeded);
  EXPECT_EQ(refused.error().retry_after_s, 1U);
  EXPECT_THAT(refused.error().detail, HasSubstr("reads_per_second = 1"));
  EXPECT_TRUE(rates.take(limits, RequestClass::write, 3, kNow).ok());
  EXPECT_FALSE(rates.take(limits, RequestClass::write, 1, kNow).ok());
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(rates.take(limits, RequestClass::list, 1, kNow).ok());
}

TEST(HeldLimits, RefuseGrowthOnly) {
  QuotaLimits limits;
  EXPECT_TRUE(check_held(limits, Limit::entries, 5, 1'000'000).ok()) << "0 is no limit";
  limits[Limit::entries] = 3;
  EXPECT_TRUE(check_held(limits, Limit::entries, 2, 3).ok());
  EXPECT_TRUE(check_held(limits, Limit::entries, 9, 8).ok()) << "a lowered limit lets one shrink";
  EXPECT_TRUE(check_held(limits, Limit::entries, 9, 9).ok());
  const Status refused = check_held(limits, Limit::entries, 3, 4);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Code::quota_exceeded);
  EXPECT_EQ(refused.error().retry_after_s, 0U);
  EXPECT_THAT(refused.error().detail, HasSubstr("entries = 3"));
}

TEST(RequestClasses, FollowWhatIsAsked) {
  EXPECT_EQ(request_class(Get{}), RequestClass::read);
  EXPECT_EQ(request_class(SetPermission{}), RequestClass::write);
  EXPECT_EQ(request_class(List{}), RequestClass::list);
  EXPECT_EQ(request_class(LookupSelf{}), RequestClass::other);
  BatchGet batch;
  batch.items.resize(7);
  EXPECT_EQ(request_cost(batch), 7U);
  Transact several;
  several.operations.resize(3);
  EXPECT_EQ(request_cost(several), 3U);
  EXPECT_EQ(request_cost(Get{}), 1U);
}

TEST(SetQuotaCheck, RefusesWhatMakesNoSense) {
  const auto code = [](SetQuota set) {
    const Status status = check_operation(std::move(set), Limits{});
    return status ? Code::ok : status.error().code;
  };
  EXPECT_EQ(code({{{Limit::entries, 5}, {Limit::bytes, std::nullopt}}}), Code::ok);
  EXPECT_EQ(code({}), Code::invalid_argument);
  EXPECT_EQ(code({{{Limit::entries, 5}, {Limit::entries, std::nullopt}}}), Code::invalid_argument);
  EXPECT_EQ(code({{{Limit::reads, 1'000'001}}}), Code::invalid_argument);
}

QuotaReply sample_reply() {
  QuotaReply reply;
  reply.own[Limit::entries] = 5;
  reply.own[Limit::reads] = 0;
  reply.own.version = 2;
  reply.own.changed_at = kNow;
  reply.own.changed_by = "operator";
  reply.limits[Limit::entries] = 5;
  reply.limits[Limit::bytes] = 300;
  reply.entries = 4;
  reply.bytes = 299;
  return reply;
}

TEST(StoredQuotaReply, IsReadBackAsItWas) {
  const auto read = decode_reply(encode_reply(sample_reply()).expose());
  ASSERT_TRUE(read.ok());
  const auto& reply = std::get<QuotaReply>(*read);
  EXPECT_EQ(reply.own, sample_reply().own);
  EXPECT_EQ(reply.limits, sample_reply().limits);
  EXPECT_EQ(reply.entries, 4U);
  EXPECT_EQ(reply.bytes, 299U);
}

TEST(StoredQuotaReply, HasTheBytesOfTheGoldenFile) {
  test::expect_golden("reply_quota", encode_reply(sample_reply()).expose());
}

}  // namespace
}  // namespace coffer::model
