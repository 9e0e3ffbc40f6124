/** A moment, in milliseconds, as the time of day: 24 hours whatever the locale, since axes have no room for more. */
export const clockTime = (at: number): string => new Date(at).toTimeString().slice(0, 8);
