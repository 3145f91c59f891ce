// In place of the chart library that Unfold loads on every page: no page of the admin has a chart.
"use strict";
