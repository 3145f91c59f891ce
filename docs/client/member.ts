/**
 * A member's day, typed by the schema: `npm run generate && npm run build && node built/member.js http://localhost:8000`
 *
 * It walks contract 003 from registration to sign-out against a running server with the demo data, and stops at the
 * first answer that is not as it should be.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./schema.js";
import { Listener } from "./socket.js";

const SITE = process.argv[2] ?? "http://localhost:8000";
const EMAIL = `${randomUUID()}@example.com`;
const PASSWORD = "a long enough password";
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

type Schemas = components["schemas"];
type Api = Client<paths>;
type Answer<T> = { data?: T; error?: unknown; response: Response };

function client(token?: string): Api {
  const api = createClient<paths>({ baseUrl: SITE });
  api.use({
    onRequest({ request }) {
      if (token) request.headers.set("Authorization", `Bearer ${token}`);
      return request;
    },
  });
  return api;
}

/** The body of an answer with this status. */
function body<T>(answer: Answer<T>, status: number): T {
  assert.equal(answer.response.status, status, JSON.stringify(answer.error));
  assert.ok(answer.data !== undefined, `${answer.response.url}: no body`);
  return answer.data;
}

/** What a refusal with this status says. */
function refusal<E>(answer: { error?: E; response: Response }, status: number): E {
  assert.equal(answer.response.status, status);
  assert.ok(answer.error !== undefined);
  return answer.error;
}

async function register(): Promise<Schemas["MemberSignedIn"]> {
  const door = client();
  const person = { name: "Mary Major", email: EMAIL, password: PASSWORD, referralCode: "REF-ABC123" };
  const made = body(await door.POST("/api/auth/register/", { body: person }), 201);
  assert.ok("accessToken" in made);
  const { user } = made;
  assert.equal(user.name, "Mary Major");
  assert.deepEqual([user.membershipId, user.phone, user.rewardsBalance], [null, "", 0]);
  const taken = refusal(await door.POST("/api/auth/register/", { body: person }), 400);
  assert.ok("email" in taken && taken.error);
  const wrong = { email: EMAIL, password: "wrong" };
  const closed = refusal(await door.POST("/api/auth/login/", { body: wrong }), 401);
  assert.deepEqual(closed, { error: "Invalid credentials" });
  const words = { email: EMAIL, password: PASSWORD, deviceId: "device-uuid-123" };
  return body(await door.POST("/api/auth/login/", { body: words }), 200);
}

async function refresh(refreshToken: string): Promise<string> {
  const { accessToken } = body(await client().POST("/api/auth/refresh/", { body: { refreshToken } }), 200);
  return accessToken;
}

async function addVehicle(api: Api, user: Schemas["MemberUser"]): Promise<Schemas["MemberVehicle"]> {
  assert.deepEqual(body(await api.GET("/api/vehicles/"), 200), []);
  const civic = { vin: "1HGBH41JXMN109186", make: "Honda", model: "Civic", year: 2020, odometer: 15000.5 };
  const vehicle = body(await api.POST("/api/vehicles/", { body: civic }), 201);
  assert.deepEqual([vehicle.user, vehicle.odometer, vehicle.dongleId], [user.id, 15000.5, null]);
  const again = refusal(await api.POST("/api/vehicles/", { body: civic }), 400);
  assert.ok("vin" in again);
  const path = { id: vehicle.id };
  const dongle = { dongleId: `dongle-${randomUUID()}`, connectionType: "BLE" } as const;
  const linked = body(await api.POST("/api/vehicles/{id}/link-dongle/", { params: { path }, body: dongle }), 200);
  assert.equal(linked.dongleConnectionType, "BLE");
  const plated = body(await api.PATCH("/api/vehicles/{id}/", { params: { path }, body: { licensePlate: "MM-1" } }), 200);
  assert.equal(plated.licensePlate, "MM-1");
  const nobodys = { params: { path: { id: randomUUID() } } };
  assert.deepEqual(refusal(await api.GET("/api/vehicles/{id}/", nobodys), 404), { error: "Vehicle not found" });
  return plated;
}

async function drive(api: Api, vehicle: Schemas["MemberVehicle"]): Promise<void> {
  const startTimestamp = Date.now() - 600_000;
  const samples = Array.from({ length: 60 }, (_, i) => ({
    t: startTimestamp + 10_000 * i,
    speed: 30,
    odometer: 15000.5 + i / 12,
  }));
  const batch = { vehicleId: vehicle.id, startTimestamp, endTimestamp: startTimestamp + 600_000, samples };
  const path = { id: vehicle.id };
  for (let times = 0; times < 2; times += 1) {
    const accepted = body(await api.POST("/api/telematics/{id}/", { params: { path }, body: batch }), 202);
    assert.deepEqual(accepted, { message: "Telemetry batch accepted" });
  }
  const query = { from: new Date(startTimestamp).toISOString() };
  const read = body(await api.GET("/api/telematics/{id}/", { params: { path, query } }), 200);
  assert.equal(read.length, 60);
  assert.deepEqual(read[0], { t: startTimestamp, speed: 30, fuelRate: null, odometer: 15000.5 });
  const summary = body(await api.GET("/api/telematics/{id}/summary/", { params: { path } }), 200);
  assert.equal(summary.samples, 60);
  assert.ok(Math.abs(summary.distance - 59 / 12) < 0.02);
}

async function freeDay(api: Api, locationId: string, services: string): Promise<Schemas["MemberSlot"][]> {
  for (let days = 5; days < 10; days += 1) {
    const date = new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
    const query = { locationId, date, services };
    const day = body(await api.GET("/api/appointments/availability/", { params: { query } }), 200);
    if (day.availableSlots.length > 6) return day.availableSlots;
  }
  throw new Error("closed for a week");
}

async function visit(api: Api, user: Schemas["MemberUser"], vehicle: Schemas["MemberVehicle"]): Promise<void> {
  const [place] = body(await api.GET("/api/appointments/locations/"), 200);
  assert.ok(place);
  assert.equal(place.hours["sunday"], "Closed");
  const slots = await freeDay(api, place.id, "oil_change,tire_rotation");
  const [slot, later] = slots;
  const last = slots.at(-1);
  assert.ok(slot && later && last);
  const services = ["oil_change", "tire_rotation"];
  const wish = { vehicleId: vehicle.id, locationId: place.id, startTime: slot.start, services };
  const book = (startTime: string) => api.POST("/api/appointments/book/", { body: { ...wish, startTime } });
  const first = body(await book(slot.start), 201);
  assert.deepEqual(
    [first.userId, first.status, first.startTime, first.endTime, first.services],
    [user.id, "scheduled", slot.start, slot.end, services],
  );
  const second = body(await book(last.start), 201);
  const third = refusal(await book(slot.start), 409); // a vehicle is in one place at a time
  assert.ok(String(third.error).includes("This vehicle has appointment"));

  const path = { id: second.id };
  const move = { startTime: later.end, services: ["Oil change"] };
  const moved = body(await api.PUT("/api/appointments/{id}/", { params: { path }, body: move }), 200);
  assert.deepEqual([moved.startTime, moved.services], [later.end, ["oil_change"]]);
  const upcoming = body(await api.GET("/api/appointments/upcoming/"), 200);
  assert.deepEqual(upcoming, [first, moved]);
  const cancelled = await api.DELETE("/api/appointments/{id}/", { params: { path } });
  assert.equal(cancelled.response.status, 204);
  assert.deepEqual(body(await api.GET("/api/appointments/upcoming/"), 200), [first]);
  const query = { status: ["cancelled" as const] };
  assert.deepEqual(
    body(await api.GET("/api/appointments/", { params: { query } }), 200).map(({ id, status }) => [id, status]),
    [[moved.id, "cancelled"]],
  );
  await api.DELETE("/api/appointments/{id}/", { params: { path: { id: first.id } } });
}

async function join(api: Api): Promise<void> {
  assert.equal(refusal(await api.GET("/api/memberships/me/"), 404).error, "Membership not found");
  const plans = body(await api.GET("/api/memberships/plans/"), 200);
  assert.deepEqual(plans.map((plan) => plan.tier), ["basic", "plus", "premium"]);
  const before = body(await api.GET("/api/offers/"), 200);
  const plus = plans.find((plan) => plan.tier === "plus");
  assert.ok(plus);
  const joined = body(await api.POST("/api/memberships/me/", { body: { planId: plus.id } }), 201);
  assert.deepEqual([joined.plan, joined.status], [plus, "active"]);
  assert.ok(joined.renewsAt > joined.startedAt);
  const query = { lat: 40.7128, lng: -74.006 };
  const offers = body(await api.GET("/api/offers/", { params: { query } }), 200);
  assert.ok(offers.length > before.length);
  const spring = offers.find((offer) => offer.title === "Spring Maintenance Special");
  assert.deepEqual(spring?.eligibleMemberships, ["basic", "plus"]);
  refusal(await api.POST("/api/memberships/me/", { body: { planId: plus.id } }), 409);
}

async function upload(api: Api): Promise<{ fileId: string; publicUrl: string }> {
  const file = { filename: "receipt.png", contentType: "image/png" };
  const { url, method, publicUrl, fileId } = body(await api.POST("/api/files/presign/", { body: file }), 200);
  const sent = await fetch(url, { method, body: PNG, headers: { "Content-Type": file.contentType } });
  assert.ok(sent.ok, await sent.text());
  const shown = await fetch(publicUrl);
  assert.equal(shown.headers.get("content-type"), "image/png");
  assert.deepEqual(Buffer.from(await shown.arrayBuffer()), PNG);
  return { fileId, publicUrl };
}

async function talk(api: Api, token: string, user: Schemas["MemberUser"]): Promise<void> {
  const { fileId, publicUrl } = await upload(api);
  const opening = { subject: "A question", initialMessage: "Hello, I need help with my vehicle" };
  const thread = body(await api.POST("/api/chat/threads/", { body: opening }), 201);
  assert.equal(thread.lastMessage?.body, opening.initialMessage);
  assert.deepEqual([thread.status, thread.userId], ["open", user.id]);
  const threadId = thread.id;

  const { ticket } = body(await api.POST("/api/chat/ticket/"), 201);
  const [phone, browser, desk] = await Promise.all([
    Listener.open(SITE, { ticket }),
    Listener.open(SITE, { token }),
    Listener.open(SITE, { token: await support() }),
  ]);
  phone.say({ type: "SEND", threadId, body: "It rattles", attachments: [fileId], clientId: "one" });
  const own = await phone.next("MESSAGE");
  assert.deepEqual([own.body, own.sender, own.clientId, own.attachments], ["It rattles", "user", "one", [publicUrl]]);
  assert.deepEqual(await browser.next("MESSAGE"), own);
  const { clientId: _, ...others } = own;
  assert.deepEqual(await desk.next("MESSAGE"), others);
  phone.say({ type: "TYPING", threadId });
  assert.deepEqual(await desk.next("TYPING"), { type: "TYPING", user: user.id, threadId });
  desk.say({ type: "SEND", threadId, body: "Hello, how can I help?" });
  const reply = await phone.next("MESSAGE");
  assert.deepEqual([reply.body, reply.sender], ["Hello, how can I help?", "support"]);
  phone.say({ type: "SEND", threadId: randomUUID(), body: "Anybody?" });
  assert.equal((await phone.next("ERROR")).error, "Thread not found");

  const params = { path: { thread: threadId } };
  const posted = body(await api.POST("/api/chat/threads/{thread}/messages/", { params, body: { body: "Thank you" } }), 201);
  assert.equal((await phone.next("MESSAGE")).id, posted.id);
  const since = thread.lastMessage.createdAt;
  const later = await api.GET("/api/chat/threads/{thread}/messages/", { params: { ...params, query: { since } } });
  assert.deepEqual(body(later, 200).map((message) => [message.id, message.sender]), [
    [own.id, "user"],
    [reply.id, "support"],
    [posted.id, "user"],
  ]);
  const closed = body(await api.PATCH("/api/chat/threads/{thread}/", { params, body: { status: "closed" } }), 200);
  assert.deepEqual([closed.status, closed.lastMessage], ["closed", posted]);
  for (const listener of [phone, browser, desk]) listener.close();
  assert.equal(await (await Listener.open(SITE, { ticket })).closed, 4401); // it was good once
}

/** A token of the shop's own people, who sign in by contract 000. */
async function support(): Promise<string> {
  const words = { email: "admin@example.com", password: "admin12345" };
  return body(await client().POST("/api/token/", { body: words }), 200).access;
}

async function bringFriends(friend: Schemas["MemberUser"]): Promise<void> {
  const words = { email: "john@example.com", password: "securepassword123" };
  const john = body(await client().POST("/api/auth/login/", { body: words }), 200);
  assert.deepEqual([john.user.referralCode, john.user.rewardsBalance > 0], ["REF-ABC123", true]);
  const mine = body(await client(john.accessToken).GET("/api/referrals/me/"), 200);
  assert.equal(mine.link, "https://membershipauto.com/r/REF-ABC123");
  const brought = mine.referrals.find((referral) => referral.referredUser === friend.id);
  assert.deepEqual([brought?.status, brought?.rewardsApplied], ["signed_up", {}]);
  assert.equal(mine.referrals.find((referral) => referral.status === "credited")?.referrerUser, john.user.id);
}

async function leave(api: Api, refreshToken: string): Promise<void> {
  assert.equal((await api.DELETE("/api/memberships/me/")).response.status, 204);
  assert.equal((await client().POST("/api/auth/logout/", { body: { refreshToken } })).response.status, 204);
  refusal(await api.GET("/api/vehicles/"), 401);
  refusal(await client().POST("/api/auth/refresh/", { body: { refreshToken } }), 401);
}

const { user, refreshToken } = await register();
const token = await refresh(refreshToken);
const api = client(token);
const vehicle = await addVehicle(api, user);
await drive(api, vehicle);
await visit(api, user, vehicle);
await join(api);
await talk(api, token, user);
await bringFriends(user);
await leave(api, refreshToken);
console.log("the member's day is as it should be");
