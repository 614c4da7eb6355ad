// SPDX-License-Identifier: Apache-2.0
//
// Forward declarations of the public types, for headers of applications that only name them.
#ifndef PERSONALIZE_EVENTS_FWD_HPP
#define PERSONALIZE_EVENTS_FWD_HPP

#include <cstdint>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

enum class ErrorKind : std::uint8_t;
struct Error;
template <class T>
class Result;

class Properties;
class PropertyValue;
struct MetricAttribution;
struct Event;
struct PutEventsRequest;
struct ActionInteraction;
struct PutActionInteractionsRequest;
struct User;
struct PutUsersRequest;
struct Item;
struct PutItemsRequest;
struct Action;
struct PutActionsRequest;
struct PutResult;

enum class RetryMode : std::uint8_t;
enum class Validation : std::uint8_t;
struct RetryOptions;
struct HttpOptions;
struct ClientOptions;
struct Attempt;
class Client;

struct Credentials;
struct HttpRequest;
struct HttpResponse;
class Transport;
class CurlTransport;
class Platform;

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
