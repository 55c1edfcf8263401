"""Code whose clients are older than any test."""
import boto3

connect = boto3.client("connect", region_name="eu-west-2", endpoint_url="https://connect.eu-west-2.amazonaws.com",
                       aws_access_key_id="AKIAPRODUCTION000002", aws_secret_access_key="s3cr3t")
