"""The same as s3-benchmark, by boto3: ENDPOINT BUCKET PREFIX OBJECTS BYTES. Prints four figures."""
import io, sys, threading, time
import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

endpoint, bucket, prefix, objects, large = sys.argv[1:4] + [int(n) for n in sys.argv[4:6]]
client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1",
                      config=Config(s3={"addressing_style": "path"}, max_pool_connections=16))


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def put(name, count):
    for number in range(count):
        client.put_object(Bucket=bucket, Key=f"{prefix}{name}{number}", Body=b"a" * 1024)


def on_threads(count):
    threads = [threading.Thread(target=put, args=(f"b{n}-", objects // count)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def up():
    settings = TransferConfig(multipart_threshold=16 << 20, multipart_chunksize=16 << 20)
    client.upload_fileobj(io.BytesIO(b"b" * large), bucket, prefix + "large", Config=settings)


def down():
    body = client.get_object(Bucket=bucket, Key=prefix + "large")["Body"]
    assert sum(len(piece) for piece in body.iter_chunks(1 << 18)) == large


put("first", 1)
print(objects / seconds(lambda: put("a", objects)), objects // 8 * 8 / seconds(lambda: on_threads(8)),
      large / 1e6 / seconds(up), large / 1e6 / seconds(down))
