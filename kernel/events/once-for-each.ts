/**
 * A function of an event that is run once for each event, however many followers ask: a thousand sockets share one
 * encoding.
 *
 * ```ts
 * const frameOf = onceForEach((event) => JSON.stringify({ type: event.action, payload: event }));
 * ```
 */
export function onceForEach<Given extends object, Made>(make: (given: Given) => Made): (given: Given) => Made {
  const made = new WeakMap<Given, { readonly value: Made }>();
  return (given) => {
    let found = made.get(given);
    if (!found) made.set(given, (found = { value: make(given) }));
    return found.value;
  };
}
