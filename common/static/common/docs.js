// Let the search of Swagger UI find operations by any words of their method, path, summary and id. Its own finds tags only.
"use strict";

{
  const MOST_OPENED = 40; // more operations than that take seconds to draw
  let found = 0;

  const textOf = (tag, operation) =>
    [
      tag,
      operation.get("method"),
      operation.get("path"),
      operation.getIn(["operation", "summary"]),
      operation.getIn(["operation", "operationId"]),
    ]
      .join(" ")
      .toLowerCase();

  const opsFilter = (tags, phrase) => {
    const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = tags
      .map((group, tag) =>
        group.update("operations", (operations) =>
          operations.filter((operation) => words.every((word) => textOf(tag, operation).includes(word))),
        ),
      )
      .filter((group) => group.get("operations").size > 0);
    found = matching.reduce((sum, group) => sum + group.get("operations").size, 0);
    return matching;
  };

  // Tags that were neither opened nor closed by hand are open while they show few operations that were searched for.
  const isShown =
    (original, system) =>
    (state, thing, byDefault) => {
      const isTag = Array.isArray(thing) && thing.length === 2 && thing[0] === "operations-tag";
      const phrase = system.layoutSelectors.currentFilter();
      const isSearched = isTag && Boolean(phrase) && !["true", "false"].includes(String(phrase));
      return original(thing, (isSearched && found <= MOST_OPENED) || byDefault);
    };

  const plugin = () => ({ fn: { opsFilter }, statePlugins: { layout: { wrapSelectors: { isShown } } } });
  SwaggerUIBundle.presets.apis = [SwaggerUIBundle.presets.apis, plugin];
}
