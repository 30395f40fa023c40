// Pages: what the program brings for browsers.
#pragma once

#include "http/routes.h"

namespace starling::starlingd {

// /admin/, the operator's page, and /chat/, a web client.
void add_pages(http::Routes& routes);

}  // namespace starling::starlingd
