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
class AsyncClient;

struct Session;
class EventSink;
class EventRecorder;
enum class Outcome : std::uint8_t;
enum class WhenFull : std::uint8_t;
enum class Driver : std::uint8_t;
enum class FaultKind : std::uint8_t;
struct RecorderOptions;
struct RecorderStats;
struct Delivery;
struct Fault;
struct FlushReport;
struct RunReport;

struct Credentials;
class CredentialsKeeper;
class CredentialsProvider;
struct CredentialsRequest;
struct HttpRequest;
struct HttpResponse;
class Transport;
class AsyncTransport;
class CurlTransport;
class CurlAsyncTransport;
class WorkerTransport;
class Platform;

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
