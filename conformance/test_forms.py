"""Task templates, evaluation forms, rules, workspaces and what an instance is connected with, as boto3 sees them."""
from expect import refuses
from operations import PUBLIC_KEY

ITEMS = [{"Section": {"Title": "s", "RefId": "s", "Items": [
    {"Question": {"Title": "q", "RefId": "q", "QuestionType": "NUMERIC",
                  "QuestionTypeProperties": {"Numeric": {"MinValue": 0, "MaxValue": 10}}}}]}}]


def test_task_template(centre):
    template = {"Name": "Call back", "ContactFlowId": centre.flow(), "Fields": [{"Id": {"Name": "a"}, "Type": "NAME"}],
                "Constraints": {"RequiredFields": [{"Id": {"Name": "a"}}]}}
    made = centre.create_task_template(**template)
    got = centre.get_task_template(TaskTemplateId=made["Id"])
    assert {k: got[k] for k in template} == template and got["Status"] == "ACTIVE"
    with refuses("PropertyValidationException", "already exists") as met:
        centre.create_task_template(**template)
    assert met.error.response["PropertyList"][0]["Reason"] == "RESOURCE_NAME_ALREADY_EXISTS"
    with refuses("InvalidRequestException", made["Id"]):
        centre.delete_contact_flow(ContactFlowId=template["ContactFlowId"])


def test_evaluation_form_and_its_rule(centre):
    form = centre.create_evaluation_form(Title="Sales", Items=ITEMS, Tags={"k": "v"})["EvaluationFormId"]
    centre.activate_evaluation_form(EvaluationFormId=form, EvaluationFormVersion=1)
    with refuses("ResourceConflictException", "CreateNewVersion"):
        centre.update_evaluation_form(EvaluationFormId=form, EvaluationFormVersion=1, Title="Sales", Items=ITEMS)
    centre.update_evaluation_form(EvaluationFormId=form, EvaluationFormVersion=1, CreateNewVersion=True, Title="Sales", Items=ITEMS)
    versions = centre.list_evaluation_form_versions(EvaluationFormId=form)["EvaluationFormVersionSummaryList"]
    assert [(v["EvaluationFormVersion"], v["Status"], v["Locked"]) for v in versions] == [(1, "ACTIVE", True), (2, "DRAFT", False)]
    rule = centre.create_rule(
        Name="auto", TriggerEventSource={"EventSourceName": "OnPostCallAnalysisAvailable"}, Function="{}", PublishStatus="PUBLISHED",
        Actions=[{"ActionType": "SUBMIT_AUTO_EVALUATION", "SubmitAutoEvaluationAction": {"EvaluationFormId": form}}])["RuleId"]
    with refuses("InvalidParameterException", rule):
        centre.delete_evaluation_form(EvaluationFormId=form)
    centre.delete_rule(RuleId=rule)
    centre.delete_evaluation_form(EvaluationFormId=form)


def test_connections(centre):
    key = centre.associate_security_key(Key=PUBLIC_KEY)["AssociationId"]
    assert [(k["AssociationId"], k["Key"]) for k in centre.list_security_keys()["SecurityKeys"]] == [(key, PUBLIC_KEY)]
    with refuses("InvalidParameterException", "Origin"):
        centre.associate_approved_origin(Origin="https://example.com/path")
    centre.associate_approved_origin(Origin="https://example.com")
    assert centre.list_approved_origins()["Origins"] == ["https://example.com"]
    config = {"StorageType": "S3", "S3Config": {"BucketName": "b", "BucketPrefix": "p"}}
    stored = centre.associate_instance_storage_config(ResourceType="CALL_RECORDINGS", StorageConfig=config)["AssociationId"]
    with refuses("ResourceConflictException", "CALL_RECORDINGS"):
        centre.associate_instance_storage_config(ResourceType="CALL_RECORDINGS", StorageConfig=config)
    listed = centre.list_instance_storage_configs(ResourceType="CALL_RECORDINGS")["StorageConfigs"]
    assert listed == [config | {"AssociationId": stored}]
    group = centre.create_traffic_distribution_group(Name="Main")["Id"]
    given = centre.connect.get_traffic_distribution(Id=group)["TelephonyConfig"]["Distributions"]
    assert [d["Percentage"] for d in given] == [100]


def test_workspace(centre):
    space = centre.create_workspace(Name="Desk", Tags={"k": "v"})["WorkspaceId"]
    centre.create_workspace_page(WorkspaceId=space, Page="HOME", ResourceArn="arn:aws:connect:us-east-1:aws:view/form:1")
    assert [p["Page"] for p in centre.list_workspace_pages(WorkspaceId=space)["WorkspacePageList"]] == ["HOME"]
    centre.delete_workspace(WorkspaceId=space)
    with refuses("ResourceNotFoundException", space):
        centre.list_workspace_pages(WorkspaceId=space)
