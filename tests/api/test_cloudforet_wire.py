#!/usr/bin/env python3
"""The wire contract of the Cloudforet door, held against a table that was written down from upstream's published protos:
names, numbers and types of every field of both generations, methods, and their HTTP paths. Without it a wrong number
would go unnoticed, for the server and the clients of the other tests are made from the same files. Starts no server."""

import unittest

from cloudforet_client import GROUP, SECRET, TRUSTED, USER, Generation

# name=number and a type: none is a string, S a Struct, V a Value, L a ListValue, b bool, e enum, i int32, u uint32; * repeated.
OLDER = """
CreateSecretRequest name=1 data=2S secret_type=3e tags=4S schema=5 service_account_id=6 project_id=7 trusted_secret_id=11 domain_id=21
UpdateSecretRequest secret_id=1 name=2 tags=3S project_id=4 domain_id=5 release_project=6b
SecretRequest secret_id=1 domain_id=2
GetSecretRequest secret_id=1 domain_id=2 only=3*
UpdateSecretDataRequest secret_id=1 data=2S domain_id=3 schema=4
SecretQuery query=1Query secret_id=2 name=3 secret_type=4e schema=6 provider=7 service_account_id=8 trusted_secret_id=9 domain_id=21
SecretDataInfo data=1S encrypted=2b encrypt_options=3S
SecretInfo secret_id=1 name=2 secret_type=3e tags=5S schema=6 provider=7 service_account_id=8 project_id=9 trusted_secret_id=10 domain_id=21 created_at=22
SecretsInfo results=1*SecretInfo total_count=2i
SecretStatQuery query=1StatisticsQuery domain_id=2
CreateTrustedSecretRequest name=1 data=2S tags=3S schema=4 service_account_id=5 domain_id=11
UpdateTrustedSecretRequest trusted_secret_id=1 name=2 tags=3S domain_id=11
TrustedSecretRequest trusted_secret_id=1 domain_id=2
GetTrustedSecretRequest trusted_secret_id=1 domain_id=2 only=3*
UpdateTrustedSecretDataRequest trusted_secret_id=1 data=2S schema=3 domain_id=11
TrustedSecretQuery query=1Query trusted_secret_id=2 name=3 schema=6 provider=7 service_account_id=9 domain_id=21
TrustedSecretInfo trusted_secret_id=1 name=2 tags=3S schema=4 provider=5 service_account_id=6 project_id=7 domain_id=21 created_at=22
TrustedSecretsInfo results=1*TrustedSecretInfo total_count=2i
TrustedSecretStatQuery query=1StatisticsQuery domain_id=2
CreateSecretGroupRequest name=1 tags=2S domain_id=3
UpdateSecretGroupRequest secret_group_id=1 name=2 tags=3S domain_id=4
SecretGroupRequest secret_group_id=1 domain_id=2
GetSecretGroupRequest secret_group_id=1 domain_id=2 only=3*
SecretGroupSecretRequest secret_group_id=1 secret_id=2 domain_id=5
SecretGroupQuery query=1Query secret_group_id=2 name=3 secret_id=4 domain_id=5
SecretGroupSecretInfo secret_group_info=1SecretGroupInfo secret_info=2SecretInfo domain_id=5
SecretGroupInfo secret_group_id=1 name=2 tags=4S domain_id=5 created_at=6
SecretGroupsInfo results=1*SecretGroupInfo total_count=2i
SecretGroupStatQuery query=1StatisticsQuery domain_id=2
"""
NEWER = """
CreateSecretRequest name=1 data=2S schema_id=3 tags=4S resource_group=20e workspace_id=21 project_id=22 service_account_id=23 trusted_secret_id=24
UpdateSecretRequest secret_id=1 name=2 tags=3S project_id=21
SecretRequest secret_id=1
GetSecretDataRequest secret_id=1 domain_id=21
UpdateSecretDataRequest secret_id=1 schema_id=2 data=3S
SecretQuery query=1Query secret_id=2 name=3 state=4e schema_id=5 provider=6 project_id=21 workspace_id=22 service_account_id=23 trusted_secret_id=24
SecretDataInfo encrypted=1b encrypt_options=2S data=3S
SecretInfo secret_id=1 name=2 state=3e schema_id=4 provider=5 tags=6S resource_group=20e domain_id=21 workspace_id=22 project_id=23 service_account_id=24 trusted_secret_id=25 created_at=31
SecretsInfo results=1*SecretInfo total_count=2i
SecretStatQuery query=1StatisticsQuery domain_id=2
CreateTrustedSecretRequest name=1 data=2S schema_id=3 tags=4S resource_group=20e workspace_id=21 trusted_account_id=22
UpdateTrustedSecretRequest trusted_secret_id=1 name=2 tags=3S
TrustedSecretRequest trusted_secret_id=1
GetTrustedSecretDataRequest trusted_secret_id=1 domain_id=21
UpdateTrustedSecretDataRequest trusted_secret_id=1 schema_id=2 data=3S
TrustedSecretQuery query=1Query trusted_secret_id=2 name=3 schema_id=4 provider=5 workspace_id=21 trusted_account_id=22
TrustedSecretDataInfo encrypted=1b encrypt_options=2S data=3S
TrustedSecretInfo trusted_secret_id=1 name=2 schema_id=3 tags=4S provider=5 resource_group=20e domain_id=21 workspace_id=22 trusted_account_id=23 created_at=31
TrustedSecretsInfo results=1*TrustedSecretInfo total_count=2i
TrustedSecretStatQuery query=1StatisticsQuery domain_id=2
"""
OF_USER = """
CreateUserSecretRequest name=1 data=2S schema_id=3 tags=4S
UpdateUserSecretRequest user_secret_id=1 name=2 tags=3S
UserSecretRequest user_secret_id=1
GetUserSecretDataRequest user_secret_id=1 domain_id=21
UpdateUserSecretDataRequest user_secret_id=1 schema_id=2 data=3S
UserSecretQuery query=1Query user_secret_id=2 name=3 schema_id=4 provider=5
UserSecretDataInfo encrypted=1b encrypt_options=2S data=3S
UserSecretInfo user_secret_id=1 name=2 schema_id=3 provider=4 tags=5S domain_id=21 user_id=22 created_at=31
UserSecretsInfo results=1*UserSecretInfo total_count=2i
UserSecretStatQuery query=1StatisticsQuery domain_id=2
"""
FILTER = "Filter key=1 k=2 value=3V v=4V operator=5 o=6\nPage start=1u limit=2u\n"
GROUPS = """
AggregateGroupKey key=1 k=2 name=3 n=4 date_format=5
AggregateGroupField key=1 k=2 name=3 n=4 operator=5 o=6 fields=7*AggregateGroupSubField conditions=8*AggregateSubCondition
AggregateGroupSubField key=1 k=2 name=3 n=4
AggregateSubCondition key=1 k=2 value=3V v=4V operator=5 o=6
AggregateGroup keys=1*AggregateGroupKey fields=2*AggregateGroupField
AggregateCount name=1
AggregateProjectField key=1 k=2 name=3 n=4 operator=5 o=6
AggregateProject fields=1*AggregateProjectField exclude_keys=2b
StatisticsQuery filter=1*Filter filter_or=2*Filter aggregate=3*StatisticsAggregate page=4Page distinct=5 keyword=6
"""
QUERY_1 = FILTER + GROUPS + """
Sort key=1 desc=2b keys=3*SortKey
SortKey key=1 desc=2b
Query filter=1*Filter filter_or=2*Filter sort=3Sort page=4Page minimal=5b count_only=6b only=7* keyword=8
StatisticsAggregate unwind=1AggregateUnwind group=2AggregateGroup count=3AggregateCount sort=4AggregateSort project=5AggregateProject limit=6i skip=7i
AggregateUnwind path=1
AggregateSort key=1 desc=2b keys=3*SortKey
"""
QUERY_2 = FILTER + GROUPS + """
Sort key=1 desc=2b
Unwind path=1 filter=2*Filter
Query filter=1*Filter filter_or=2*Filter sort=3*Sort page=4Page minimal=5b count_only=6b only=7* keyword=8 unwind=9Unwind lookup=10L add_fields=11S
StatisticsAggregate unwind=1Unwind group=2AggregateGroup count=3AggregateCount sort=4L project=5AggregateProject limit=6i skip=7i
"""
VERBS = "create update delete update_data get list stat".split()
SHORT = {"google.protobuf.Struct": "S", "google.protobuf.Value": "V", "google.protobuf.ListValue": "L"}


def shown(field):
    kind = {field.TYPE_STRING: "", field.TYPE_BOOL: "b", field.TYPE_ENUM: "e", field.TYPE_INT32: "i", field.TYPE_UINT32: "u"}.get(field.type)
    if kind is None:
        kind = SHORT.get(field.message_type.full_name, field.message_type.name)
    return f"{field.name}={field.number}{'*' if field.label == field.LABEL_REPEATED else ''}{kind}"


class Wire(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.older, cls.newer = Generation("1.12"), Generation("2.x")

    def check(self, generation, package, table):
        for line in filter(None, table.splitlines()):
            name, *fields = line.split()
            message = generation.pool.FindMessageTypeByName(f"{package}.{name}")
            self.assertEqual(sorted(map(shown, message.fields)), sorted(fields), f"{package}.{name}")

    def test_every_field_has_its_name_number_and_type(self):
        self.check(self.older, "spaceone.api.secret.v1", OLDER)
        self.check(self.newer, "spaceone.api.secret.v1", NEWER)
        self.check(self.older, "spaceone.api.core.v1", QUERY_1)
        for generation in (self.older, self.newer):
            self.check(generation, "spaceone.api.user_secret.v1", OF_USER)
            self.check(generation, "spaceone.api.core.v2", QUERY_2)
            self.check(generation, "spaceone.api.core.v1", "VersionInfo version=1")

    def test_enumerators_have_their_numbers(self):
        numbers = lambda enum: {v.name: v.number for v in enum.values}
        self.assertEqual(numbers(self.older.pool.FindEnumTypeByName("spaceone.api.secret.v1.SecretType")), {"NONE": 0, "CREDENTIALS": 1})
        groups = {"RESOURCE_GROUP_NONE": 0, "DOMAIN": 1, "WORKSPACE": 2, "PROJECT": 3}
        field = lambda message, name: self.newer.pool.FindMessageTypeByName("spaceone.api.secret.v1." + message).fields_by_name[name].enum_type
        for message in ("CreateSecretRequest", "SecretInfo"):
            self.assertEqual(numbers(field(message, "resource_group")), groups)
        self.assertEqual(numbers(field("CreateTrustedSecretRequest", "resource_group")), {k: v for k, v in groups.items() if v < 3})
        for message in ("SecretQuery", "SecretInfo"):
            self.assertEqual(numbers(field(message, "state")), {"STATE_NONE": 0, "ENABLED": 1, "DISABLED": 2})

    def test_services_have_upstreams_methods_and_paths(self):
        expected = {(self.older, SECRET): [*VERBS, "get_data"], (self.older, TRUSTED): VERBS, (self.older, USER): [*VERBS, "get_data"],
                    (self.older, GROUP): [v for v in VERBS if v != "update_data"] + ["add_secret", "remove_secret"],
                    (self.newer, SECRET): [*VERBS, "get_data", "enable", "disable"], (self.newer, TRUSTED): [*VERBS, "get_data"],
                    (self.newer, USER): [*VERBS, "get_data"]}
        resources = {SECRET: "secret", TRUSTED: "trusted-secret", GROUP: "secret-group", USER: "user-secret"}
        for (generation, service), verbs in expected.items():
            methods = generation.pool.FindServiceByName(service).methods_by_name
            self.assertEqual(sorted(methods), sorted(verbs), service)
            for verb, method in methods.items():
                path = f"/secret/v1/{resources[service]}/{verb.replace('_', '-')}".encode()
                bound = verb != "get_data" or (generation is self.older and service == SECRET)
                options = method.GetOptions().SerializeToString()  # google.api.http, as it is in the file
                self.assertEqual(bytes([len(path)]) + path in options, bound, f"{service}/{verb}")


if __name__ == "__main__":
    unittest.main()
