#pragma once

#include <string>
#include <string_view>

namespace carillon::domain {

/// The text (UTF-8) for comparisons that ignore case: Unicode's full case folding, the same in every
/// language, composed (NFC), so that "STRASSE" and "straße", and an accent counts the same composed or not.
std::string fold_case(std::string_view text);

/// Whether all of the text is ASCII: then folding is but lower case.
bool is_ascii(std::string_view text);

} // namespace carillon::domain
