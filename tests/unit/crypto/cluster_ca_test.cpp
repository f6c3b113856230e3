// The cluster's CA, nodes' certificates and join tokens: what they say, and what they refuse.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "crypto/cluster_ca.hpp"
#include "crypto/join_token.hpp"
#include "crypto/x509.hpp"
#include "support.hpp"

namespace coffer::crypto::test {
namespace {

using model::Code;
using model::NodeId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr model::TimeMs kNow = 1'900'000'000'000;
constexpr const char* kAuthorityCluster = "00112233445566778899aabbccddeeff";

KeyRing make_ring() { return KeyRing::generate(Key::generate(system_random()), system_random(), kNow); }

/// Does `pem` verify under `ca` at `at`?
bool verifies(const std::string& ca, const std::string& pem, model::TimeMs at) {
  const std::unique_ptr<X509_STORE, OpensslFree<X509_STORE_free>> store(X509_STORE_new());
  const std::unique_ptr<X509_STORE_CTX, OpensslFree<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  const X509Ptr root = first_x509(ca), leaf = first_x509(pem);
  X509_STORE_add_cert(store.get(), root.get());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), at / 1000);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  return X509_verify_cert(context.get()) == 1;
}

TEST(ClusterCa, signs_a_certificate_that_names_cluster_and_node_for_thirty_days) {
  const ClusterCa ca = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const NodeKey key = NodeKey::generate();
  const auto pem = ca.sign(key.certificate_request(), NodeId{7}, kNow, system_random());
  ASSERT_TRUE(pem.ok()) << pem.error().message();
  const auto facts = read_certificate(*pem);
  ASSERT_TRUE(facts.ok());
  EXPECT_THAT(facts->uris, ElementsAre("coffer://00112233445566778899aabbccddeeff/node/7"));
  EXPECT_EQ(facts->not_after, kNow + 30LL * 24 * 3600 * 1000);
  EXPECT_LT(facts->not_before, kNow);
  EXPECT_TRUE(verifies(ca.certificate_pem(), *pem, kNow));
  EXPECT_FALSE(verifies(ca.certificate_pem(), *pem, facts->not_after + 1000));
  const X509Ptr certificate = first_x509(*pem);
  EXPECT_EQ(X509_check_private_key(certificate.get(), key.native()), 1);
  EXPECT_EQ(X509_check_ca(certificate.get()), 0) << "a node could let others in";
}

TEST(ClusterCa, certificates_do_not_verify_under_another_clusters_ca) {
  const ClusterCa ours = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const ClusterCa other = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const auto pem = other.sign(NodeKey::generate().certificate_request(), NodeId{1}, kNow, system_random());
  ASSERT_TRUE(pem.ok());
  EXPECT_FALSE(verifies(ours.certificate_pem(), *pem, kNow));
}

TEST(ClusterCa, opens_only_with_its_ring_its_cluster_and_unaltered) {
  const KeyRing ring = make_ring();
  const ClusterCa ca = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const std::string record = ca.seal(ring, system_random());
  EXPECT_THAT(record, Not(HasSubstr("PRIVATE KEY")));
  const auto opened = ClusterCa::open(record, kAuthorityCluster, ring);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ(opened->certificate_pem(), ca.certificate_pem());
  const auto pem = opened->sign(NodeKey::generate().certificate_request(), NodeId{2}, kNow, system_random());
  ASSERT_TRUE(pem.ok());
  EXPECT_TRUE(verifies(ca.certificate_pem(), *pem, kNow));

  EXPECT_FALSE(ClusterCa::open(record, "ff112233445566778899aabbccddeeff", ring).ok());
  EXPECT_FALSE(ClusterCa::open(record, kAuthorityCluster, make_ring()).ok());
  EXPECT_FALSE(ClusterCa::open(with_flipped_bit(record, record.size() * 8 - 100), kAuthorityCluster, ring).ok());
  EXPECT_EQ(ClusterCa::open(record.substr(0, 40), kAuthorityCluster, ring).error().code, Code::data_loss);
  EXPECT_EQ(ClusterCa::open("", kAuthorityCluster, ring).error().code, Code::data_loss);
  EXPECT_EQ(ClusterCa::open("\x02" + record.substr(1), kAuthorityCluster, ring).error().code, Code::data_loss);
}

TEST(ClusterCa, refuses_requests_that_prove_no_key) {
  const ClusterCa ca = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const std::string request = NodeKey::generate().certificate_request();
  for (const std::string& bad :
       {std::string(), std::string("garbage"), request + "x", request.substr(0, request.size() - 1),
        with_flipped_bit(request, request.size() * 8 - 20)}) {
    const auto pem = ca.sign(bad, NodeId{1}, kNow, system_random());
    ASSERT_FALSE(pem.ok());
    EXPECT_EQ(pem.error().code, Code::invalid_argument);
  }
}

TEST(NodeKey, survives_its_pem_and_refuses_other_keys) {
  const NodeKey key = NodeKey::generate();
  const auto read = NodeKey::from_pem(key.private_pem());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->private_pem(), key.private_pem());
  EXPECT_FALSE(NodeKey::from_pem(model::Secret("-----BEGIN PRIVATE KEY-----\n")).ok());
  const Pkey rsa(EVP_RSA_gen(2048));
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), rsa.get(), nullptr, nullptr, 0, nullptr, nullptr);
  EXPECT_FALSE(NodeKey::from_pem(model::Secret(bio_content(bio.get()))).ok());
}

TEST(NodeUri, has_one_text_for_each_node) {
  const NodeName name{kAuthorityCluster, NodeId{42}};
  EXPECT_EQ(parse_node_uri(to_uri(name)), name);
  const std::string cluster(kAuthorityCluster);
  for (const std::string bad : {"", "coffer://", "coffer://x/node/1", "https://00112233445566778899aabbccddeeff/node/1",
                                "coffer://00112233445566778899AABBCCDDEEFF/node/1"}) {
    EXPECT_FALSE(parse_node_uri(bad)) << bad;
  }
  for (const char* tail : {"/node/", "/node/0", "/node/01", "/node/1x", "/node/-1", "/node/18446744073709551616",
                           "/nodes/1", "/node/1/", ""}) {
    EXPECT_FALSE(parse_node_uri("coffer://" + cluster + tail)) << tail;
  }
}

TEST(JoinToken, carries_permission_and_pin) {
  const ClusterCa ca = ClusterCa::make(kAuthorityCluster, kNow, system_random());
  const auto hash = certificate_hash(ca.certificate_pem());
  ASSERT_TRUE(hash.ok());
  const JoinToken token = new_join_token(*hash, system_random());
  const model::Secret text = join_token_text(token);
  const auto parsed = parse_join_token(text.expose());
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->id, token.id);
  EXPECT_EQ(parsed->secret, token.secret);
  EXPECT_EQ(parsed->ca_hash, *hash);
  EXPECT_EQ(join_secret_hash(parsed->secret).size(), 32U);
  EXPECT_NE(join_secret_hash(new_join_token(*hash, system_random()).secret), join_secret_hash(token.secret));
}

TEST(JoinToken, refuses_other_text_without_repeating_it) {
  const JoinToken token = new_join_token(std::string(32, 'h'), system_random());
  const std::string text(join_token_text(token).expose());
  for (const std::string& bad : {std::string(), std::string("cfj_"), text.substr(1), text + "A",
                                 text.substr(0, text.size() - 1), "cft_" + text.substr(4)}) {
    const auto parsed = parse_join_token(bad);
    ASSERT_FALSE(parsed.ok());
    EXPECT_EQ(parsed.error().code, Code::invalid_argument);
    if (bad.size() > 8) {
      EXPECT_THAT(std::string(parsed.error().message()), Not(HasSubstr(bad.substr(5, 12))));
    }
  }
}

}  // namespace
}  // namespace coffer::crypto::test
