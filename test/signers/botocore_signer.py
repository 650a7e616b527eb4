"""Signs the requests of parts.json with botocore, sends them to a server and prints
how many there were and which were refused, as JSON. The one argument is HOST:PORT."""

import http.client
import json
import os
import sys
from urllib.parse import quote

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HOST = sys.argv[1]
CREDENTIALS = Credentials("111111111111", "test")


def requests():
    with open(os.path.join(os.path.dirname(__file__), "parts.json"), encoding="utf-8") as file:
        parts = json.load(file)
    headers, bodies = parts["headers"], parts["bodies"]
    for i, path in enumerate(parts["paths"]):
        for j, query in enumerate(parts["queries"]):
            parameters = "&".join(quote(n, safe="-_.~") + "=" + quote(v, safe="-_.~") for n, v in query)
            target = path + "?" + parameters if parameters else path
            yield target, headers[(i + j) % len(headers)], bodies[(3 * i + j) % len(bodies)].encode()


def main():
    connection = http.client.HTTPConnection(HOST)
    sent, refused = 0, []
    for target, headers, body in requests():
        request = AWSRequest(method="POST", url="http://" + HOST + target, data=body)
        for name, value in headers.items():
            request.headers[name] = value
        request.headers["Content-Type"] = "application/x-amz-json-1.1"
        request.headers["X-Amz-Target"] = "Logs_20140328.DescribeLogGroups"
        SigV4Auth(CREDENTIALS, "logs", "us-east-1").add_auth(request)
        connection.putrequest("POST", target, skip_accept_encoding=True)
        for name, value in request.headers.items():
            connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        answer = response.read().decode()
        sent += 1
        if response.status != 200:
            refused.append([target, response.status, answer])
    print(json.dumps({"sent": sent, "refused": refused}))


main()
