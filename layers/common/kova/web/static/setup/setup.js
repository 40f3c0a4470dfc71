// The one-time token stands behind the `#` of the link: browsers send that part to no server.
const token = decodeURIComponent(location.hash.slice(1));
const field = document.getElementById("token");
if (token && field) {
  field.value = token;
  history.replaceState(null, "", location.pathname);
  document.getElementById("open").focus();
}
