"""Agent statuses, predefined attributes, overrides of hours, e-mail addresses and notifications, as boto3 sees them."""
from expect import refuses


def test_agent_statuses(centre):
    listed = centre.list_agent_statuses()["AgentStatusSummaryList"]
    assert {(s["Name"], s["Type"]) for s in listed} >= {("Available", "ROUTABLE"), ("Offline", "OFFLINE")}
    made = centre.create_agent_status(Name="Lunch", State="ENABLED", DisplayOrder=4, Tags={"k": "v"})
    centre.update_agent_status(AgentStatusId=made["AgentStatusId"], State="DISABLED", ResetOrderNumber=True)
    status = centre.describe_agent_status(AgentStatusId=made["AgentStatusARN"])["AgentStatus"]
    assert (status["Type"], status["State"], status["Tags"]) == ("CUSTOM", "DISABLED", {"k": "v"}) and "DisplayOrder" not in status
    assert centre.connect.list_tags_for_resource(resourceArn=made["AgentStatusARN"])["tags"] == {"k": "v"}


def test_proficiencies_are_values_of_predefined_attributes(centre):
    user = centre.user()
    centre.create_predefined_attribute(Name="Language", Values={"StringList": ["German", "French"]})
    proficient = lambda value: [{"AttributeName": "Language", "AttributeValue": value, "Level": 3}]
    with refuses("InvalidParameterException", "Welsh"):
        centre.associate_user_proficiencies(UserId=user, UserProficiencies=proficient("Welsh"))
    centre.associate_user_proficiencies(UserId=user, UserProficiencies=proficient("French"))
    with refuses("ResourceInUseException", user):
        centre.delete_predefined_attribute(Name="Language")
    centre.delete_user(UserId=user)
    centre.delete_predefined_attribute(Name="Language")


def test_effective_hours(centre):
    nine_to_five = [{"Day": day, "StartTime": {"Hours": 9, "Minutes": 0}, "EndTime": {"Hours": 17, "Minutes": 0}}
                    for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")]
    holidays, hours = centre.hours(), centre.hours(TimeZone="Europe/Paris", Config=nine_to_five)
    centre.associate_hours_of_operations(HoursOfOperationId=hours, ParentHoursOfOperationConfigs=[{"HoursOfOperationId": holidays}])
    centre.create_hours_of_operation_override(
        HoursOfOperationId=holidays, Name="Christmas", Config=[], EffectiveFrom="2026-01-01", EffectiveTill="2030-12-31", OverrideType="CLOSED",
        RecurrenceConfig={"RecurrencePattern": {"Frequency": "YEARLY", "Interval": 1, "ByMonth": [12], "ByMonthDay": [25]}})
    effective = centre.get_effective_hours_of_operations(HoursOfOperationId=hours, FromDate="2026-12-24", ToDate="2026-12-26")
    assert effective["TimeZone"] == "Europe/Paris"
    open_hours = {day["Date"]: [(h["Start"]["Hours"], h["End"]["Hours"]) for h in day["OperationalHours"]]
                  for day in effective["EffectiveHoursOfOperationList"]}
    assert open_hours == {"2026-12-24": [(9, 17)], "2026-12-25": [], "2026-12-26": []}
    assert [(day["Date"], h["OverrideName"], h["OperationalStatus"]) for day in effective["EffectiveOverrideHoursList"]
            for h in day["OverrideHours"]] == [("2026-12-25", "Christmas", "CLOSED")]


def test_email_addresses_of_queues(centre):
    one, two = centre.email_address(), centre.email_address()
    queue = centre.queue(EmailAddressesConfig=[{"EmailAddressId": one}], OutboundEmailConfig={"OutboundEmailAddressId": two})
    listed = centre.list_queue_email_addresses(QueueId=queue)["EmailAddressMetadataList"]
    assert {a["Id"]: a["IsDefaultOutboundEmail"] for a in listed} == {one: False, two: True}
    with refuses("InvalidRequestException", queue):
        centre.delete_email_address(EmailAddressId=two)
    centre.disassociate_queue_email_addresses(QueueId=queue, EmailAddressesId=[one])
    centre.delete_email_address(EmailAddressId=one)


def test_notifications(centre):
    id = centre.create_notification(Recipients=[centre.instance_arn], Content={"en_US": "Hello"})["NotificationId"]
    n = centre.describe_notification(NotificationId=id)["Notification"]
    assert (n["ExpiresAt"] - n["CreatedAt"]).days == 7 and n["Priority"] == "LOW"
    centre.delete_notification(NotificationId=id)
