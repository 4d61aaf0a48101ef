// Sends CloudEvents: in batches, again while that helps, with a result for each event.
//
//     EVENTING_URL=https://... EVENTING_KEY=... java -cp gson.jar Send.java < events.jsonl
//
// Reads one event a line in its JSON format, prints one result a line in the same order, and exits with 1 when
// an event was refused. Needs Java 17 and Gson (com.google.code.gson:gson).

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public final class Send {
    // Limits of the endpoint (docs/generated/limits.md); a body of a fourth of its limit is sent sooner.
    private static final int MAX_BATCH = 100;
    private static final int MAX_BODY_BYTES = 1024 * 1024;
    // The endpoint answers within 29 s.
    private static final Duration TIMEOUT = Duration.ofSeconds(35);
    private static final Duration PATIENCE = Duration.ofSeconds(300);
    // What may go well the next time. 0 stands for no answer at all.
    private static final Set<String> SEND_AGAIN = Set.of("0", "429", "500", "502", "503", "504");

    private record Answer(List<JsonObject> results, double retryAfter) {}

    private final HttpClient client = HttpClient.newHttpClient();
    private final URI endpoint;
    private final String key;

    public Send(String url, String key) {
        this.endpoint = URI.create(url + "/events");
        this.key = key;
    }

    /**
     * Sends events, each the text of a CloudEvent in JSON; returns a result for each, in the same order.
     *
     * <p>A result's {@code status} is "accepted", "duplicate", or the number of a problem (RFC 9457), which is
     * final: what could be sent again was, for as long as {@code PATIENCE}.
     */
    public List<JsonObject> send(List<String> events) throws InterruptedException {
        List<JsonObject> results = new ArrayList<>();
        List<String> batch = new ArrayList<>();
        int size = 0;
        for (String event : events) {
            int more = event.getBytes(StandardCharsets.UTF_8).length + 1;
            if (!batch.isEmpty() && (batch.size() == MAX_BATCH || size + more > MAX_BODY_BYTES)) {
                results.addAll(sendBatch(batch));
                batch.clear();
                size = 0;
            }
            batch.add(event);
            size += more;
        }
        if (!batch.isEmpty()) {
            results.addAll(sendBatch(batch));
        }
        return results;
    }

    private List<JsonObject> sendBatch(List<String> events) throws InterruptedException {
        List<JsonObject> results = new ArrayList<>(Collections.nCopies(events.size(), null));
        List<Integer> waiting = IntStream.range(0, events.size()).boxed().toList();
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        for (int attempt = 0; ; attempt++) {
            // Always the same text: an event that is spelled otherwise is another event.
            Answer answer = post(
                    waiting.stream().map(events::get).collect(Collectors.joining(",", "[", "]")), waiting.size());
            for (int index = 0; index < waiting.size(); index++) {
                results.set(waiting.get(index), answer.results().get(index));
            }
            waiting = waiting.stream().filter(number -> SEND_AGAIN.contains(status(results.get(number)))).toList();
            // Longer each time, and never at the same moment as other senders.
            double pause = Math.max(answer.retryAfter(), Math.min(60, Math.pow(2, attempt) / 2))
                    * ThreadLocalRandom.current().nextDouble(1, 1.5);
            long nanoseconds = (long) (pause * 1e9);
            if (waiting.isEmpty() || System.nanoTime() + nanoseconds > deadline) {
                return results;
            }
            Thread.sleep(Duration.ofNanos(nanoseconds).toMillis());
        }
    }

    /** Returns a result for each event of the body, and the seconds after which to send again. */
    private Answer post(String body, int count) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(endpoint)
                .timeout(TIMEOUT)
                .header("content-type", "application/cloudevents-batch+json")
                .header("x-api-key", key)
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
        HttpResponse<String> response;
        try {
            response = client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (IOException error) {
            return new Answer(Collections.nCopies(count, problem(0, "no answer: " + error)), 0);
        }
        JsonObject answer;
        try {
            answer = JsonParser.parseString(response.body()).getAsJsonObject();
        } catch (JsonParseException | IllegalStateException error) {
            // Of something on the way that is no part of the endpoint.
            answer = problem(response.statusCode(), "an answer that is no JSON object");
        }
        List<JsonObject> results = new ArrayList<>();
        if (answer.has("results")) {
            for (JsonElement result : answer.getAsJsonArray("results")) {
                results.add(result.getAsJsonObject());
            }
        } else {
            // A request that was refused as a whole has one problem, which is that of each event.
            answer.addProperty("status", response.statusCode());
            results.addAll(Collections.nCopies(count, answer));
        }
        String retryAfter = response.headers().firstValue("retry-after").orElse("");
        return new Answer(results, retryAfter.matches("\\d+") ? Double.parseDouble(retryAfter) : 0);
    }

    private static JsonObject problem(int status, String title) {
        JsonObject problem = new JsonObject();
        problem.addProperty("status", status);
        problem.addProperty("title", title);
        return problem;
    }

    private static String status(JsonObject result) {
        return result.get("status").getAsString();
    }

    public static void main(String[] arguments) throws Exception {
        List<String> events;
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            events = lines.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
        }
        boolean refused = false;
        for (JsonObject result : new Send(System.getenv("EVENTING_URL"), System.getenv("EVENTING_KEY")).send(events)) {
            System.out.println(result);
            refused |= !Set.of("accepted", "duplicate").contains(status(result));
        }
        System.exit(refused ? 1 : 0);
    }
}
