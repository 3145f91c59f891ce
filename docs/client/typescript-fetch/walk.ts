/**
 * A staff day and a member day with a client of openapi-generator's typescript-fetch, against a running server with the
 * demo data.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import {
  Configuration,
  MemberApi,
  ShopApi,
  StaffIntakeApi,
  StaffInvoicesApi,
  StaffLocationsApi,
  StaffPaymentsApi,
  StaffRepairOrdersApi,
} from "./generated/index.js";

const basePath = process.argv[2] ?? "http://localhost:8000";

function signedIn(accessToken?: string): Configuration {
  return new Configuration({ basePath, accessToken });
}

async function staffDay(): Promise<void> {
  const shopCredentialsRequest = { email: "admin@example.com", password: "admin12345" };
  const { access } = await new ShopApi(signedIn()).shopLoginPost({ shopCredentialsRequest });
  const staff = signedIn(access);
  const found = await new StaffLocationsApi(staff).shopLocationsList({ search: "Shelbyville" });
  const locationId = found.results[0]?.id;
  assert.ok(locationId);

  const { vehicleId } = await new StaffIntakeApi(staff).shopIntakeCreate({
    shopIntakeInputRequest: {
      customer: { name: "Walter Inn", phone: "(555) 010-7777" },
      vehicle: { year: 2019, make: "Toyota", model: "Camry" },
    },
  });
  assert.ok(vehicleId);
  const orders = new StaffRepairOrdersApi(staff);
  const arrival = { vehicleId, locationId, odometer: 41250 };
  const { id } = await orders.shopRepairOrdersCheckIn({ shopWalkInCheckInInputRequest: arrival });

  const begun = await orders.shopRepairOrdersAddJob({ id, shopNewJobInputRequest: { name: "Wiper blades" } });
  const jobId = begun.jobs[0]?.id;
  assert.ok(jobId);
  const blade = { kind: "part" as const, name: "Wiper blade", quantity: 2, unitPrice: "14.50" };
  await orders.shopRepairOrdersAddLine({ id, jobId, shopNewLineInputRequest: blade });
  const labour = { kind: "labour" as const, name: "Fit wiper blades", hours: "0.2" };
  await orders.shopRepairOrdersAddLine({ id, jobId, shopNewLineInputRequest: labour });
  const sent = await orders.shopRepairOrdersEstimate({ id, shopEstimateInputRequest: {} });
  assert.equal(sent.status, "pending");

  const recorded = await orders.shopRepairOrdersAuthorise({
    id,
    shopAuthorisationInputRequest: {
      method: "phone",
      byName: "Walter Inn",
      contactUsed: "(555) 010-7777",
      total: sent.totals.total,
      decisions: [{ jobId, decision: "approved" }],
    },
  });
  assert.equal(recorded.total, sent.totals.total);
  await orders.shopRepairOrdersStart({ id });
  const done = await orders.shopRepairOrdersComplete({ id });
  assert.equal(done.status, "completed");
  assert.ok(done.completedAt instanceof Date);

  const invoice = await orders.shopRepairOrdersInvoice({ id });
  const { balance: amount, customerId } = invoice;
  const allocations = [{ invoiceId: invoice.id, amount }];
  const shopPaymentInputRequest = { customerId, locationId, amount, method: "card" as const, allocations };
  await new StaffPaymentsApi(staff).shopPaymentsCreate({ shopPaymentInputRequest });
  const paid = await new StaffInvoicesApi(staff).shopInvoicesRetrieve({ id: invoice.id });
  assert.deepEqual([paid.paid, paid.balance], [amount, "0.00"]);
}

async function memberDay(): Promise<void> {
  const memberCredentialsRequest = { email: "john@example.com", password: "securepassword123" };
  const { accessToken } = await new MemberApi(signedIn()).memberLoginPost({ memberCredentialsRequest });
  const member = new MemberApi(signedIn(accessToken));
  const [vehicle] = await member.memberVehiclesGet();
  const [place] = await member.memberLocationsGet();
  assert.ok(vehicle && place);

  let startTime: Date | undefined;
  for (let days = 20; !startTime && days < 30; days += 1) {
    const date = new Date(Date.now() + days * 86_400_000);
    const day = await member.memberAppointmentAvailabilityGet({ locationId: place.id, date });
    startTime = day.availableSlots[0]?.start;
  }
  assert.ok(startTime);
  const wish = { vehicleId: vehicle.id, locationId: place.id, startTime, services: ["oil_change"] };
  const booked = await member.memberBookAppointmentPost({ memberBookingInputRequest: wish });
  assert.deepEqual([booked.status, booked.startTime], ["scheduled", startTime]);
  const upcoming = await member.memberUpcomingAppointmentsGet();
  assert.ok(upcoming.some(({ id }) => id === booked.id));
  await member.memberAppointmentDetailDelete({ id: booked.id });

  const [thread] = await member.memberThreadsGet();
  assert.ok(thread);
  const message = { body: "Thank you", clientId: randomUUID() };
  const posted = await member.memberMessagesPost({ thread: thread.id, memberMessageInputRequest: message });
  const history = await member.memberMessagesGet({ thread: thread.id });
  assert.deepEqual(history.at(-1), posted);
}

await staffDay();
await memberDay();
console.log("both days are as they should be");
