"""Makes the buckets named on the command line where they are not there yet.

Waits until the object store answers; buckets that exist stay as they are.
"""
import os
import sys
import time

import boto3
from botocore.exceptions import BotoCoreError, ClientError

PATIENCE_S = 300


def make(s3, region, bucket):
    try:
        s3.head_bucket(Bucket=bucket)
        print(f"bucket {bucket} is there", flush=True)
        return
    except ClientError as failure:
        if failure.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
    where = {} if region == "us-east-1" else {
        "CreateBucketConfiguration": {"LocationConstraint": region}
    }
    try:
        s3.create_bucket(Bucket=bucket, **where)
        print(f"bucket {bucket} was made", flush=True)
    except ClientError as failure:
        if failure.response["Error"]["Code"] != "BucketAlreadyOwnedByYou":
            raise


def main():
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    endpoint = os.environ.get("MLFLOW_S3_ENDPOINT_URL") or None
    s3 = boto3.client("s3", endpoint_url=endpoint, region_name=region)
    deadline = time.monotonic() + PATIENCE_S
    for bucket in sys.argv[1:]:
        while True:
            try:
                make(s3, region, bucket)
                break
            except (BotoCoreError, ClientError) as failure:
                if time.monotonic() > deadline:
                    sys.exit(f"bucket {bucket} could not be made: {failure}")
                print(f"waiting for the object store: {failure}", flush=True)
                time.sleep(3)


if __name__ == "__main__":
    main()
