"""Data tables and their attributes, through boto3."""
import threading

import pytest
from botocore.exceptions import ClientError

from centre import MISSING, Centre, fresh
from expect import refuses

TYPES = ["TEXT", "NUMBER", "BOOLEAN", "TEXT_LIST", "NUMBER_LIST"]
LEVELS = ["NONE", "DATA_TABLE", "PRIMARY_VALUE", "ATTRIBUTE", "VALUE"]


def described(c, table):
    return c.describe_data_table(DataTableId=table)["DataTable"]


def attributes(c, table, **kw):
    pages = c.connect.get_paginator("list_data_table_attributes").paginate(InstanceId=c.id, DataTableId=table, **kw)
    return [a for page in pages for a in page["Attributes"]]


def test_lifecycle(centre):
    made = centre.create_data_table(Name=" Prices\u2003", Description=" By region ", TimeZone="Europe/Paris", ValueLockLevel="ATTRIBUTE",
                                    Status="PUBLISHED", Tags={"Team": "Sales"})
    table = described(centre, made["Id"])
    assert made["Arn"] == table["Arn"] == centre.arn("data-table", made["Id"])
    assert {k: table[k] for k in ("Id", "Name", "Description", "TimeZone", "ValueLockLevel", "Status", "Tags", "LockVersion")} == {
        "Id": made["Id"], "Name": "Prices", "Description": "By region", "TimeZone": "Europe/Paris", "ValueLockLevel": "ATTRIBUTE",
        "Status": "PUBLISHED", "Tags": {"Team": "Sales"}, "LockVersion": made["LockVersion"]}
    assert table["CreatedTime"] == table["LastModifiedTime"] and table["LastModifiedRegion"] == "us-east-1"
    assert "Version" not in table and "VersionDescription" not in table
    new = centre.update_data_table_metadata(DataTableId=table["Arn"] + ":$LATEST", Name="Fees", TimeZone="UTC", ValueLockLevel="VALUE")
    after = described(centre, table["Id"])
    assert after["LockVersion"] == new["LockVersion"] != table["LockVersion"]
    assert (after["Name"], after["TimeZone"], after["ValueLockLevel"], after["Tags"]) == ("Fees", "UTC", "VALUE", {"Team": "Sales"})
    assert "Description" not in after  # an update replaces everything
    assert centre.delete_data_table(DataTableId=table["Id"])["ResponseMetadata"]["HTTPStatusCode"] == 200
    with refuses("ResourceNotFoundException", table["Id"]):
        centre.describe_data_table(DataTableId=table["Id"])
    assert centre.list_data_tables()["DataTableSummaryList"] == []


@pytest.mark.parametrize("level", LEVELS)
def test_lock_levels_are_kept(shared, level):
    assert described(shared, shared.data_table(ValueLockLevel=level))["ValueLockLevel"] == level


@pytest.mark.parametrize("change, word", [
    ({"Name": "a/b"}, "Name"), ({"Name": " "}, "Name"), ({"Name": "Connect:x"}, "connect:"), ({"TimeZone": "Mars/Olympus"}, "TimeZone"),
    ({"TimeZone": ""}, "TimeZone"), ({"Description": "x" * 251}, "Description")])
def test_what_a_table_cannot_be(shared, change, word):
    with refuses("InvalidParameterException", word):
        shared.data_table(**change)
    table = shared.data_table()
    with refuses("InvalidParameterException", word):
        shared.update_data_table_metadata(**{"DataTableId": table, "Name": fresh(), "TimeZone": "UTC", "ValueLockLevel": "NONE"} | change)


def test_names_ignore_case(centre):
    centre.data_table(Name="Straße")
    with refuses("DuplicateResourceException", "not case-sensitive"):
        centre.data_table(Name=" STRAßE ")
    table = centre.data_table(Name="Other")
    with refuses("DuplicateResourceException"):
        centre.update_data_table_metadata(DataTableId=table, Name="straße", TimeZone="UTC", ValueLockLevel="NONE")
    centre.attribute(table, "Région")
    with refuses("DuplicateResourceException"):
        centre.attribute(table, "RÉGION")
    found = centre.describe_data_table_attribute(DataTableId=table, AttributeName="rÉgion")["Attribute"]
    assert found["Name"] == "Région"


@pytest.mark.parametrize("value_type", TYPES)
def test_an_attribute_of_each_type(shared, value_type):
    table = shared.data_table()
    made = shared.create_data_table_attribute(DataTableId=table, Name=" A b|-_.:=@'é ", ValueType=value_type, Description="d")
    got = shared.describe_data_table_attribute(DataTableId=table, AttributeName=made["Name"])["Attribute"]
    assert (got["Name"], got["ValueType"], got["Description"], got["Primary"]) == ("A b|-_.:=@'é", value_type, "d", False)
    assert (got["AttributeId"], got["LockVersion"]) == (made["AttributeId"], made["LockVersion"])
    assert (got["DataTableId"], got["DataTableArn"]) == (table, shared.arn("data-table", table))
    assert "Validation" not in got and got["LastModifiedRegion"] == "us-east-1"
    assert described(shared, table)["LockVersion"]["DataTable"] == made["LockVersion"]["DataTable"]


TEXT = {"MinLength": 1, "MaxLength": 1000, "IgnoreCase": True, "Enum": {"Strict": True, "Values": ["EU", "UK"]}}
NUMBER = {"Minimum": -1.5, "Maximum": 1e300, "ExclusiveMinimum": -2.0, "ExclusiveMaximum": 1.5e300, "MultipleOf": 0.5,
          "Enum": {"Strict": False, "Values": ["1", "2.5"]}}


@pytest.mark.parametrize("value_type, rules", [
    ("TEXT", TEXT), ("TEXT_LIST", TEXT | {"MinValues": 0, "MaxValues": 100}), ("NUMBER", NUMBER), ("NUMBER_LIST", NUMBER | {"MaxValues": 3})])
def test_validation_comes_back(shared, value_type, rules):
    table = shared.data_table()
    name = shared.attribute(table, ValueType=value_type, Validation=rules)
    got = shared.describe_data_table_attribute(DataTableId=table, AttributeName=name)["Attribute"]["Validation"]
    assert {k: v for k, v in got.items() if k != "IgnoreCase" or v} == rules
    again = shared.attribute(table, ValueType=value_type, Validation=got)  # what Describe answers is accepted
    assert shared.describe_data_table_attribute(DataTableId=table, AttributeName=again)["Attribute"]["Validation"] == got


@pytest.mark.parametrize("value_type, rules, word", [
    ("TEXT", {"Minimum": 1}, "Minimum"), ("NUMBER", {"MaxLength": 1}, "MaxLength"), ("BOOLEAN", {"MinValues": 1}, "MinValues"),
    ("TEXT", {"MinLength": 2, "MaxLength": 1}, "MaxLength"), ("NUMBER", {"Minimum": 1, "ExclusiveMaximum": 1}, "ExclusiveMaximum"),
    ("NUMBER", {"MultipleOf": 0}, "MultipleOf"), ("TEXT", {"Enum": {"Strict": True}}, "Enum.Values"),
    ("TEXT", {"Enum": {"Values": ["a", "a"]}}, "Values[1]"), ("NUMBER", {"Enum": {"Values": ["one"]}}, "Values[0]"),
    ("TEXT_LIST", {"MinValues": 101}, "MinValues"), ("TEXT", {"MaxLength": 1001}, "MaxLength")])
def test_validation_that_makes_no_sense(shared, value_type, rules, word):
    table = shared.data_table()
    with refuses("InvalidParameterException", word):
        shared.attribute(table, ValueType=value_type, Validation=rules)
    name = shared.attribute(table, ValueType=value_type)
    with refuses("InvalidParameterException", word):
        shared.update_data_table_attribute(DataTableId=table, AttributeName=name, Name=name, ValueType=value_type, Validation=rules)


def test_an_update_replaces_the_whole_attribute(centre):
    table = centre.data_table()
    centre.attribute(table, "Region", Primary=True, Description="d", Validation=TEXT)
    other = centre.attribute(table, "Price", ValueType="NUMBER")
    before = {a["Name"]: a for a in attributes(centre, table)}
    done = centre.update_data_table_attribute(DataTableId=table, AttributeName="Region", Name="Zone", ValueType="TEXT_LIST")
    after = {a["Name"]: a for a in attributes(centre, table)}
    assert set(after) == {"Zone", other}
    zone = after["Zone"]
    assert zone["AttributeId"] == before["Region"]["AttributeId"] and done["LockVersion"] == zone["LockVersion"]
    assert (zone["ValueType"], zone["Primary"]) == ("TEXT_LIST", False) and not {"Description", "Validation"} & set(zone)
    assert zone["LockVersion"]["Attribute"] != before["Region"]["LockVersion"]["Attribute"]
    assert after[other]["LockVersion"]["Attribute"] == before[other]["LockVersion"]["Attribute"]
    gone = centre.delete_data_table_attribute(DataTableId=table, AttributeName="Zone")
    assert gone["LockVersion"]["DataTable"] == described(centre, table)["LockVersion"]["DataTable"]
    with refuses("ResourceNotFoundException", "Zone"):
        centre.delete_data_table_attribute(DataTableId=table, AttributeName="Zone")


def test_nothing_changes_nothing(centre):
    table = centre.data_table(Name="Same", Description="d")
    name = centre.attribute(table, Validation={"MaxLength": 3})
    was = described(centre, table), attributes(centre, table)
    centre.update_data_table_metadata(DataTableId=table, Name="Same ", Description="d", TimeZone="UTC", ValueLockLevel="NONE")
    centre.update_data_table_attribute(DataTableId=table, AttributeName=name, Name=name, ValueType="TEXT",
                                       Validation={"MaxLength": 3, "IgnoreCase": False, "Enum": {"Strict": False, "Values": []}})
    assert (described(centre, table), attributes(centre, table)) == was


def test_pages_and_ids(centre):
    table = centre.data_table()
    names = [centre.attribute(table, f"a{9 - i}") for i in range(7)]
    assert [a["Name"] for a in attributes(centre, table, PaginationConfig={"PageSize": 3})] == names
    ids = [a["AttributeId"] for a in attributes(centre, table)]
    assert [a["Name"] for a in attributes(centre, table, AttributeIds=[ids[5], MISSING, ids[1]], PaginationConfig={"PageSize": 1})] == [
        names[1], names[5]]
    more = [centre.data_table() for _ in range(4)]
    pages = centre.connect.get_paginator("list_data_tables").paginate(InstanceId=centre.id, PaginationConfig={"PageSize": 2})
    assert [t["Id"] for page in pages for t in page["DataTableSummaryList"]] == [table, *more]


def test_search(centre):
    a = centre.data_table(Name="Prices EU", Description="Delivery", Tags={"Team": "Sales"})
    b = centre.data_table(Name="Prices UK", Tags={"Team": "Support"})
    condition = lambda field, value, how: {"StringCondition": {"FieldName": field, "Value": value, "ComparisonType": how}}
    tag = lambda value: {"TagConditions": [{"TagKey": "Team", "TagValue": value}]}

    def search(**kw):
        out = centre.search_data_tables(**kw)
        assert out["ApproximateTotalCount"] == len(out["DataTables"])
        assert not any("LockVersion" in t for t in out["DataTables"])
        return [t["Id"] for t in out["DataTables"]]
    assert search() == [a, b]
    assert search(SearchCriteria=condition("name", "prices", "STARTS_WITH")) == [a, b]
    assert search(SearchCriteria=condition("description", "liver", "CONTAINS")) == [a]
    assert search(SearchCriteria=condition("resourceId", centre.arn("data-table", b), "EXACT")) == [b]
    assert search(SearchCriteria={"AndConditions": [condition("name", "prices", "STARTS_WITH"), condition("name", "UK", "CONTAINS")]}) == [b]
    assert search(SearchFilter={"AttributeFilter": {"OrConditions": [tag("Support"), tag("nobody")]}}) == [b]
    with refuses("InvalidParameterException", "colour"):
        centre.search_data_tables(SearchCriteria=condition("colour", "red", "EXACT"))


def test_documented_quotas(quota_connect):
    centre = Centre(quota_connect)
    table = centre.data_table()
    for i in range(5):
        centre.attribute(table, f"p{i}", Primary=True)
    with refuses("ServiceQuotaExceededException", "5 of at most 5"):
        centre.attribute(table, "p5", Primary=True)
    for i in range(95):
        centre.attribute(table, f"a{i}")
    with refuses("ServiceQuotaExceededException", "100 of at most 100"):
        centre.attribute(table, "one more")
    with refuses("LimitExceededException", "5 of at most 5"):
        centre.update_data_table_attribute(DataTableId=table, AttributeName="a0", Name="a0", ValueType="TEXT", Primary=True)


def test_tags_of_tables(centre):
    arn = centre.arn("data-table", centre.data_table(Tags={"a": "1"}))
    centre.connect.tag_resource(resourceArn=arn, tags={"b": "2"})
    centre.connect.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert centre.connect.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}


def test_racing_changes_leave_one_of_a_name(centre):
    """Ten attributes of one name are added at once, with as many others: one of the name and all others are there."""
    table, refused = centre.data_table(), []

    def add(i):
        try:
            centre.attribute(table, "SAME" if i % 2 else "same") if i < 10 else centre.attribute(table, f"other{i}")
        except ClientError as e:
            refused.append(e.response["Error"]["Code"])
    threads = [threading.Thread(target=add, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    names = [a["Name"] for a in attributes(centre, table)]
    assert refused == ["DuplicateResourceException"] * 9
    assert sorted(n.lower() for n in names) == sorted(["same", *(f"other{i}" for i in range(10, 20))])


def test_tables_of_another_instance(connect, centre):
    other = Centre(connect)
    table = other.data_table()
    for ref in (table, other.arn("data-table", table)):
        with refuses("ResourceNotFoundException", "DataTableId"):
            centre.describe_data_table(DataTableId=ref)
        with refuses("ResourceNotFoundException", "DataTableId"):
            centre.attribute(ref)
    assert described(other, table)["Id"] == table
