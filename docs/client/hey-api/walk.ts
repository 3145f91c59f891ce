/** A staff day and a member day with a client of hey-api's openapi-ts, against a running server with the demo data. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { createClient } from "./generated/client/index.js";
import {
  memberAppointmentAvailabilityGet,
  memberAppointmentDetailDelete,
  memberBookAppointmentPost,
  memberLocationsGet,
  memberLoginPost,
  memberMessagesGet,
  memberMessagesPost,
  memberThreadsGet,
  memberUpcomingAppointmentsGet,
  memberVehiclesGet,
  shopIntakeCreate,
  shopInvoicesRetrieve,
  shopLocationsList,
  shopLoginPost,
  shopPaymentsCreate,
  shopRepairOrdersAddJob,
  shopRepairOrdersAddLine,
  shopRepairOrdersAuthorise,
  shopRepairOrdersCheckIn,
  shopRepairOrdersComplete,
  shopRepairOrdersEstimate,
  shopRepairOrdersInvoice,
  shopRepairOrdersStart,
} from "./generated/sdk.gen.js";

const baseUrl = process.argv[2] ?? "http://localhost:8000";

/** The options of every call: a client with a token, which throws on an error. */
function caller(token?: string) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return { client: createClient({ baseUrl, headers }), throwOnError: true as const };
}

async function staffDay(): Promise<void> {
  const signIn = { email: "admin@example.com", password: "admin12345" };
  const staff = caller((await shopLoginPost({ ...caller(), body: signIn })).data.access);
  const { data: found } = await shopLocationsList({ ...staff, query: { search: "Shelbyville" } });
  const location_id = found.results[0]?.id;
  assert.ok(location_id);

  const newcomer = {
    customer: { name: "Walter Inn", phone: "(555) 010-7777" },
    vehicle: { year: 2019, make: "Toyota", model: "Camry" },
  };
  const { data: entered } = await shopIntakeCreate({ ...staff, body: newcomer });
  assert.ok(entered.vehicle_id);
  const arrival = { vehicle_id: entered.vehicle_id, location_id, odometer: 41250 };
  const { data: order } = await shopRepairOrdersCheckIn({ ...staff, body: arrival });
  const one = { ...staff, path: { id: order.id } };

  const { data: begun } = await shopRepairOrdersAddJob({ ...one, body: { name: "Wiper blades" } });
  const job = begun.jobs[0];
  assert.ok(job);
  const path = { id: order.id, job_id: job.id };
  const blade = { kind: "part" as const, name: "Wiper blade", quantity: 2, unit_price: "14.50" };
  await shopRepairOrdersAddLine({ ...staff, path, body: blade });
  await shopRepairOrdersAddLine({ ...staff, path, body: { kind: "labour", name: "Fit wiper blades", hours: "0.2" } });
  const { data: sent } = await shopRepairOrdersEstimate({ ...one, body: {} });
  assert.equal(sent.status, "pending");

  const { data: recorded } = await shopRepairOrdersAuthorise({
    ...one,
    body: {
      method: "phone",
      by_name: "Walter Inn",
      contact_used: "(555) 010-7777",
      total: sent.totals.total,
      decisions: [{ job_id: job.id, decision: "approved" }],
    },
  });
  assert.equal(recorded.total, sent.totals.total);
  await shopRepairOrdersStart(one);
  const { data: done } = await shopRepairOrdersComplete(one);
  assert.equal(done.status, "completed");

  const { data: invoice } = await shopRepairOrdersInvoice(one);
  const { balance: amount, customer_id } = invoice;
  const allocations = [{ invoice_id: invoice.id, amount }];
  await shopPaymentsCreate({ ...staff, body: { customer_id, location_id, amount, method: "card", allocations } });
  const { data: paid } = await shopInvoicesRetrieve({ ...staff, path: { id: invoice.id } });
  assert.deepEqual([paid.paid, paid.balance], [amount, "0.00"]);
}

async function memberDay(): Promise<void> {
  const signIn = { email: "john@example.com", password: "securepassword123" };
  const { data: john } = await memberLoginPost({ ...caller(), body: signIn });
  const member = caller(john.accessToken);
  const { data: vehicles } = await memberVehiclesGet(member);
  const { data: places } = await memberLocationsGet(member);
  const [vehicle, place] = [vehicles[0], places[0]];
  assert.ok(vehicle && place);

  let start: string | undefined;
  for (let days = 20; !start && days < 30; days += 1) {
    const date = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const { data: day } = await memberAppointmentAvailabilityGet({ ...member, query: { locationId: place.id, date } });
    start = day.availableSlots[0]?.start;
  }
  assert.ok(start);
  const wish = { vehicleId: vehicle.id, locationId: place.id, startTime: start, services: ["oil_change"] };
  const { data: booked } = await memberBookAppointmentPost({ ...member, body: wish });
  assert.deepEqual([booked.status, booked.startTime], ["scheduled", start]);
  const { data: upcoming } = await memberUpcomingAppointmentsGet(member);
  assert.ok(upcoming.some(({ id }) => id === booked.id));
  await memberAppointmentDetailDelete({ ...member, path: { id: booked.id } });

  const { data: threads } = await memberThreadsGet(member);
  assert.ok(threads[0]);
  const chat = { ...member, path: { thread: threads[0].id } };
  const { data: posted } = await memberMessagesPost({ ...chat, body: { body: "Thank you", clientId: randomUUID() } });
  const { data: history } = await memberMessagesGet(chat);
  assert.deepEqual(history.at(-1), posted);
}

await staffDay();
await memberDay();
console.log("both days are as they should be");
