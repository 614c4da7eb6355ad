# SPDX-License-Identifier: Apache-2.0
"""The requests that go both ways, in the API's own member names, properties as they are before they
become text. send_all.cpp has the same values in its own types: a change here is a change there."""
import copy
import json

ATTRIBUTES = {
    "plain": "tv",
    "escapes": "\"\\/\b\f\n\r\t\x01\x7f\u2028\u2029",
    "\u30ad\u30fc": "Caf\u00e9 \u6620\u753b \U0001F3AC",
    "least": -9223372036854775808,
    "most": 18446744073709551615,
    "tenth": 0.1,
    "tiny": 5e-324,
    "huge": 1e21,
    "free": True,
    "rented": False,
    "empty": "",
}
NESTED = {"genres": ["Drama", "Com\u00e9die"], "cast": {"lead": None, "age": 4.5e1}, "none": [], "nothing": {}}

ARN = "arn:aws:personalize:us-east-1:123456789012:dataset/group/"
WIDEST = "\U0001F3AC" * 256  # 256 characters in 1 024 bytes

REQUESTS = {
    "PutEvents": {
        "trackingId": "tracker-\u00e9",
        "userId": "\u7528\u6237-7",
        "sessionId": "visit \"1\"\\/%20+&=?#",
        "eventList": [
            {
                "eventId": "event-\u00df-1",
                "eventType": "Gesehen \u00fc\U0001F3AC",
                "eventValue": 4.5,
                "itemId": "film/42 \u6620\u753b",
                "properties": ATTRIBUTES,
                "sentAt": 1700000000,
                "recommendationId": "RID-1",
                "impression": ["film/42 \u6620\u753b", "film-43", "\U0001F3AC"],
                "metricAttribution": {"eventAttributionSource": "home page ~1"},
            },
            {"eventId": "event-2", "eventType": "Click", "sentAt": 1},
            {"eventId": "event-3", "eventType": "Click", "sentAt": 4102444800, "eventValue": 0.1, "itemId": WIDEST},
            {"eventId": "event-4", "eventType": "Click", "sentAt": 1700000003, "eventValue": 1e21},
            {"eventId": "event-5", "eventType": "Click", "sentAt": 1700000004, "eventValue": -5e-324},
            {"eventId": "event-6", "eventType": "Click", "sentAt": 1700000005, "eventValue": 3},
        ],
    },
    "PutActionInteractions": {
        "trackingId": "tracker-\u00e9",
        "actionInteractions": [
            {
                "actionId": "\u884c\u52d5/1",
                "userId": "\u7528\u6237-7",
                "sessionId": "visit-1",
                "timestamp": 1700000000,
                "eventType": "Not Taken",
                "eventId": "event-\u00df-1",
                "recommendationId": "RID-1",
                "impression": ["\u884c\u52d5/1", "action-2"],
                "properties": ATTRIBUTES,
            },
            {"actionId": "action-2", "sessionId": "visit-1", "timestamp": 1700000001, "eventType": "Taken",
             "eventId": "event-2"},
        ],
    },
    "PutUsers": {
        "datasetArn": ARN + "USERS",
        "users": [{"userId": "\u7528\u6237-7", "properties": ATTRIBUTES}, {"userId": WIDEST}],
    },
    "PutItems": {
        "datasetArn": ARN + "ITEMS",
        "items": [{"itemId": "film/42 \u6620\u753b", "properties": NESTED}, {"itemId": "film-43"}],
    },
    "PutActions": {
        "datasetArn": ARN + "ACTIONS",
        "actions": [{"actionId": "\u884c\u52d5/1", "properties": ATTRIBUTES}, {"actionId": "action-2"}],
    },
}
LISTS = {"PutEvents": "eventList", "PutActionInteractions": "actionInteractions", "PutUsers": "users",
         "PutItems": "items", "PutActions": "actions"}


def to_send(operation):
    """A request as boto3 takes it: properties are text."""
    request = copy.deepcopy(REQUESTS[operation])
    for element in request[LISTS[operation]]:
        if "properties" in element:
            element["properties"] = json.dumps(element["properties"])
    return request


def with_open_properties(element):
    """An element as it was sent, or as it is in REQUESTS, with properties for comparing."""
    if isinstance(element.get("properties"), str):
        return {**element, "properties": json.loads(element["properties"])}
    return element
