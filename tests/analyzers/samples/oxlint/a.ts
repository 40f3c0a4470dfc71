const é = 1;
if (é === NaN) {
  debugger; // é
}
