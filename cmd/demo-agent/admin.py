"""What an administrator does in the demo, with boto3: python3 admin.py TOOL of application NAMESPACE ..."""
import sys

import boto3

connect = boto3.client("connect")
instance = connect.list_instances()["InstanceSummaryList"][0]["Id"]
profiles = connect.list_security_profiles(InstanceId=instance)["SecurityProfileSummaryList"]
profile = next(p["Id"] for p in profiles if p["Name"] == "Self-service assistant")
applications = [{"Namespace": namespace, "Type": "MCP", "ApplicationPermissions": tools.split(",")}
                for namespace, tools in (arg.split("=") for arg in sys.argv[1:])]
connect.update_security_profile(InstanceId=instance, SecurityProfileId=profile, Applications=applications)
