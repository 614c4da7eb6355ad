// SPDX-License-Identifier: Apache-2.0
//
// PutItems: adds items to an Items dataset one by one, without an import job. The shapes Item and
// PutItemsRequest. Client::put_items sends them.
#ifndef PERSONALIZE_EVENTS_MODEL_PUT_ITEMS_HPP
#define PERSONALIZE_EVENTS_MODEL_PUT_ITEMS_HPP

#include <optional>
#include <string>
#include <vector>

#include "personalize_events/model/properties.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// An item and what is known of it.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_Item.html
struct Item {
  /// "itemId", required, 1 to 256 characters.
  std::string item_id;
  /// "properties", sent as one JSON string of at most 32 000 characters.
  std::optional<Properties> properties{};
};

/// Up to ten items. Sending one again with the same id replaces it.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutItems.html
struct PutItemsRequest {
  /// "datasetArn", required, at most 256 characters: arn:aws:personalize:REGION:ACCOUNT:dataset/...
  std::string dataset_arn;
  /// "items", required, 1 to 10.
  std::vector<Item> items{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
