#pragma once
#include <variant>
namespace carillon::actors {
using catalog_request = std::variant<std::monostate>;
using catalog_reply = std::variant<std::monostate>;
}
