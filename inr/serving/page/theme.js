// Loaded before anything is drawn, so that a chosen theme does not flash the other one first.
try {
  const theme = localStorage.getItem("inr-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is taken.
}
