// Draws a phone's status bar from the body's data-time, data-network and data-battery.
const { time, network, battery } = document.body.dataset;
const level = Math.round(17 * Number(battery) / 100);
document.querySelector(".phone")?.insertAdjacentHTML("afterbegin", `<div class="status">
  <span>${time}</span>
  <span>
    <svg width="18" height="12" fill="currentColor"><rect y="8" width="3" height="4" rx="1"/><rect x="5" y="5.5" width="3" height="6.5" rx="1"/><rect x="10" y="3" width="3" height="9" rx="1"/><rect x="15" width="3" height="12" rx="1" opacity="${network === "LTE" ? 0.35 : 1}"/></svg>
    <small>${network}</small>
    <small>${battery}%</small>
    <svg width="26" height="13"><rect x=".5" y=".5" width="22" height="12" rx="3.5" fill="none" stroke="currentColor" opacity=".5"/><rect x="24" y="4" width="2" height="5" rx="1" fill="currentColor" opacity=".5"/><rect x="3" y="3" width="${level}" height="7" rx="1.5" fill="${battery < 20 ? "#e5484d" : "currentColor"}"/></svg>
  </span>
</div>`);
document.querySelector(".phone")?.insertAdjacentHTML("beforeend", `<div class="home"></div>`);
