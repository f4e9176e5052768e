// Whose signature this is, to keep two customers of one browser apart. Only the desk can tell
// whether it is true. Loaded where a customer is logged in.

/**
 * @param {string} identity a JSON Web Token, or `hmac:EXPIRY:SIGNATURE:USER`
 * @returns {string} the customer's name in it
 */
export function subjectOf(identity) {
  if (identity.startsWith("hmac:")) return identity.split(":").slice(3).join(":");
  const claims = identity.split(".")[1] ?? "";
  try {
    return String(JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/"))).sub);
  } catch {
    return identity;
  }
}
