// Unfold writes the name of a chosen file into a text field beside it, which the desk's pages do not have. It leaves out
// inputs that have this property.
"use strict";

HTMLInputElement.prototype.hasChangeListener = true;
