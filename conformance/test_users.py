"""Users of both kinds of instances."""
import pathlib

import pytest

from centre import MISSING, Centre, fresh
from expect import refuses

IDENTITY = {"FirstName": "Zoë", "LastName": "Müller-Ωmega", "Email": "zoe@example.com", "SecondaryEmail": "z@example.com", "Mobile": "+12025550123"}
CONFIGS = {
    "AutoAcceptConfigs": [{"Channel": "VOICE", "AutoAccept": True, "AgentFirstCallbackAutoAccept": False}],
    "AfterContactWorkConfigs": [{"Channel": "CHAT", "AfterContactWorkConfig": {"AfterContactWorkTimeLimit": 30}}],
    "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "DESK_PHONE", "PhoneNumber": "+12025550100"}],
    "PersistentConnectionConfigs": [{"Channel": "VOICE", "PersistentConnection": True}],
    "VoiceEnhancementConfigs": [{"Channel": "VOICE", "VoiceEnhancementMode": "NOISE_SUPPRESSION"}],
}


@pytest.fixture(params=[True, False], ids=["CONNECT_MANAGED", "SAML"])
def both(request, connect):
    return Centre(connect, managed=request.param)


def test_whole_life(both):
    c = both
    c.levels(1)
    group, profiles, name = c.group(), [c.profile(), c.profile()], fresh("zoe") + "@example.com"
    identity = IDENTITY if c.managed else {k: v for k, v in IDENTITY.items() if k != "Email"}
    phone = {"PhoneType": "DESK_PHONE", "AutoAccept": False, "AfterContactWorkTimeLimit": 0, "DeskPhoneNumber": "+12025550123", "PersistentConnection": True}
    made = c.create_user(Username=name, IdentityInfo=identity, PhoneConfig=phone, SecurityProfileIds=profiles, RoutingProfileId=c.basic_routing,
                         HierarchyGroupId=group, Tags={"Team": "night"}, **CONFIGS, **({"Password": "Secret123", "DirectoryUserId": "zoe"} if c.managed else {}))
    id = made["UserId"]
    assert made["UserArn"] == c.arn("agent", id)
    u = c.describe_user(UserId=id)["User"]
    when = u.pop("LastModifiedTime")
    want = {"Id": id, "Arn": made["UserArn"], "Username": name, "IdentityInfo": identity, "PhoneConfig": phone, "SecurityProfileIds": profiles,
            "RoutingProfileId": c.basic_routing, "HierarchyGroupId": group, "Tags": {"Team": "night"}, "LastModifiedRegion": "us-east-1"} | CONFIGS
    want["DirectoryUserId"] = "zoe" if c.managed else id
    assert u == want
    assert c.list_users()["UserSummaryList"] == [
        {"Id": id, "Arn": made["UserArn"], "Username": name, "LastModifiedTime": when, "LastModifiedRegion": "us-east-1"}]
    found = c.search_users()["Users"][0]
    assert (found["Id"], found["Username"], found["SecurityProfileIds"], found["Tags"]) == (id, name, profiles, {"Team": "night"})
    c.update_user_identity_info(UserId=id, IdentityInfo={"FirstName": "", "Mobile": "+4930123456"})
    assert c.describe_user(UserId=id)["User"]["IdentityInfo"] == {k: v for k, v in identity.items() if k != "FirstName"} | {"Mobile": "+4930123456"}
    c.update_user_phone_config(UserId=id, PhoneConfig={"PhoneType": "SOFT_PHONE", "AutoAccept": True})
    assert c.describe_user(UserId=id)["User"]["PhoneConfig"]["PhoneType"] == "SOFT_PHONE"
    routing = c.routing()
    c.update_user_routing_profile(UserId=id, RoutingProfileId=routing)
    c.update_user_security_profiles(UserId=id, SecurityProfileIds=profiles[1:])
    c.update_user_hierarchy(UserId=id)
    u = c.describe_user(UserId=id)["User"]
    assert (u["RoutingProfileId"], u["SecurityProfileIds"], "HierarchyGroupId" in u) == (routing, profiles[1:], False)
    c.delete_user(UserId=id)
    for operation in ("describe_user", "delete_user"):
        with refuses("ResourceNotFoundException", id):
            getattr(c, operation)(UserId=id)
    assert c.list_users()["UserSummaryList"] == []


def test_password_belongs_to_managed_instances(connect):
    managed, saml = Centre(connect, managed=True), Centre(connect)
    with refuses("InvalidParameterException", "Password"):
        managed.create_user(Username="u", SecurityProfileIds=[managed.profile()], RoutingProfileId=managed.basic_routing)
    with refuses("InvalidParameterException", "Password") as met:
        saml.user(Password="Secret123")
    assert "Secret123" not in met.message


def test_names_are_unique(centre):
    name = fresh("ann")
    id = centre.user(Username=name)
    with refuses("DuplicateResourceException", name):
        centre.user(Username=name)
    centre.user(Username=name.upper())
    centre.delete_user(UserId=id)
    centre.user(Username=name)


def test_one_to_ten_profiles(centre, wire):
    profiles = [centre.profile() for _ in range(11)]
    id = centre.user(profiles[:10])
    assert centre.describe_user(UserId=id)["User"]["SecurityProfileIds"] == profiles[:10]
    for bad in ([], profiles):
        answer = wire.operation("UpdateUserSecurityProfiles", {"InstanceId": centre.id, "UserId": id, "SecurityProfileIds": bad})
        assert answer.code == "InvalidParameterException" and "SecurityProfileIds" in answer.message
    assert centre.describe_user(UserId=id)["User"]["SecurityProfileIds"] == profiles[:10]
    centre.update_user_security_profiles(UserId=id, SecurityProfileIds=[profiles[3], profiles[3], profiles[10]])
    assert centre.describe_user(UserId=id)["User"]["SecurityProfileIds"] == [profiles[3], profiles[10]]


def test_missing(centre):
    id = centre.user()
    for operation, more in (("update_user_security_profiles", {"SecurityProfileIds": [centre.profile()]}), ("update_user_hierarchy", {}),
                            ("update_user_routing_profile", {"RoutingProfileId": centre.basic_routing}),
                            ("update_user_identity_info", {"IdentityInfo": {}}), ("update_user_phone_config", {"PhoneConfig": {"PhoneType": "SOFT_PHONE"}})):
        with refuses("ResourceNotFoundException", MISSING):
            getattr(centre, operation)(UserId=MISSING, **more)
    before = centre.describe_user(UserId=id)["User"]
    with refuses("InvalidParameterException", "SecurityProfileIds", MISSING):
        centre.update_user_security_profiles(UserId=id, SecurityProfileIds=[centre.profile(), MISSING])
    with refuses("InvalidParameterException", "RoutingProfileId", MISSING):
        centre.update_user_routing_profile(UserId=id, RoutingProfileId=MISSING)
    with refuses("InvalidParameterException", "SecurityProfileIds", MISSING):
        centre.user([MISSING])
    assert centre.describe_user(UserId=id)["User"] == before


def test_desk_phone_needs_a_number(centre):
    id = centre.user()
    with refuses("InvalidParameterException", "DeskPhoneNumber"):
        centre.update_user_phone_config(UserId=id, PhoneConfig={"PhoneType": "DESK_PHONE"})


def test_restricted_profiles_of_a_user(quota_connect):
    c = Centre(quota_connect)
    one = c.profile(AllowedAccessControlTags={"a": "b"}, TagRestrictedResources=["User"])
    two = c.profile(HierarchyRestrictedResources=["User"])
    id = c.user([one])
    with refuses("InvalidParameterException", "SecurityProfileIds", "1"):
        c.update_user_security_profiles(UserId=id, SecurityProfileIds=[one, two])
    c.update_user_security_profiles(UserId=id, SecurityProfileIds=[two])


def test_quota(quota_connect):
    c = Centre(quota_connect)
    profile = c.profile()
    c.user([profile]), c.user([profile])
    with refuses("LimitExceededException"):
        c.user([profile])


def test_sensitive_values_stay_out_of_messages(connect, wire):
    c = Centre(connect, managed=True)
    answer = wire.operation("CreateUser", {"InstanceId": c.id, "Username": "u", "Password": "hunter2hunter2", "SecurityProfileIds": [c.profile()],
                                           "RoutingProfileId": c.basic_routing})
    assert answer.code == "InvalidParameterException" and "Password" in answer.message and "hunter2" not in answer.message


def test_passwords_are_not_kept(connect, server):
    """Neither in the audit, nor in the log, nor anywhere in the data folder."""
    c, password = Centre(connect, managed=True), "Correct-Horse-7"
    c.user(Password=password)
    assert password not in server.run("audit", "--output", "json")
    for file in pathlib.Path(server.data).iterdir():
        if file.is_file():
            assert password.encode() not in file.read_bytes(), file.name


def proficiency(value, level=None, attribute="Language"):
    return {"AttributeName": attribute, "AttributeValue": value} | ({} if level is None else {"Level": level})


def test_proficiencies(centre):
    id = centre.user()

    def held():
        return centre.list_user_proficiencies(UserId=id)["UserProficiencyList"]
    assert held() == []
    centre.associate_user_proficiencies(UserId=id, UserProficiencies=[proficiency("German", 3), proficiency("French", 1)])
    assert held() == [proficiency("French", 1), proficiency("German", 3)]
    page = centre.list_user_proficiencies(UserId=id, MaxResults=1)
    assert page["UserProficiencyList"] + centre.list_user_proficiencies(UserId=id, NextToken=page["NextToken"])["UserProficiencyList"] == held()
    centre.update_user_proficiencies(UserId=id, UserProficiencies=[proficiency("French", 5)])
    before = held()
    assert before == [proficiency("French", 5), proficiency("German", 3)]
    for operation, sent, word in (
            ("associate", [proficiency("Dutch", 1), proficiency("French", 1)], "French"),
            ("associate", [proficiency("Dutch", 1), proficiency("Dutch", 2)], "listed twice"),
            ("associate", [proficiency("Dutch", 1.5)], "Level"),
            ("associate", [proficiency("Dutch\x1b", 1)], "AttributeValue"),
            ("associate", [proficiency(str(n), 1) for n in range(99)], "100"),
            ("update", [proficiency("German", 1), proficiency("Dutch", 1)], "Dutch"),
            ("disassociate", [proficiency("German"), proficiency("Dutch")], "Dutch")):
        with refuses("InvalidParameterException", "UserProficiencies", word):
            getattr(centre, operation + "_user_proficiencies")(UserId=id, UserProficiencies=sent)
        assert held() == before, (operation, sent)  # all of them or none
    centre.disassociate_user_proficiencies(UserId=id, UserProficiencies=[proficiency("German"), proficiency("French")])
    assert held() == []
    for operation in ("associate", "update", "disassociate"):
        with refuses("ResourceNotFoundException", MISSING):
            getattr(centre, operation + "_user_proficiencies")(UserId=MISSING, UserProficiencies=[])


def test_settings_of_channels(centre):
    id = centre.user(**CONFIGS)
    centre.update_user_config(UserId=id, AutoAcceptConfigs=[], PhoneNumberConfigs=[{"Channel": "VOICE", "PhoneType": "SOFT_PHONE", "PhoneNumber": ""}])
    u = centre.describe_user(UserId=id)["User"]
    assert {n: u[n] for n in CONFIGS} == CONFIGS | {
        "AutoAcceptConfigs": [], "PhoneNumberConfigs": [{"Channel": "VOICE", "PhoneType": "SOFT_PHONE", "PhoneNumber": ""}]}
    with refuses("InvalidParameterException", "PhoneNumberConfigs[0].PhoneNumber is required"):
        centre.update_user_config(UserId=id, PhoneNumberConfigs=[{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}])
