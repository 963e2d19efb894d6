// Progressive enhancement only: every view can be read and used without this file.
"use strict";
