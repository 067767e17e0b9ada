package haredge.demo;

import android.app.Activity;
import android.content.ComponentName;
import android.content.Context;
import android.content.Intent;
import android.content.ServiceConnection;
import android.content.pm.PackageManager;
import android.os.Bundle;
import android.os.IBinder;
import android.util.Log;
import android.view.WindowManager;
import android.widget.TextView;
import haredge.bench.OwnBench;
import haredge.core.InputError;
import haredge.core.ModelFile;
import haredge.core.Streams;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** Measures the models on this phone: all of them, or the one job that a computer sent and named in the intent. */
public final class BenchActivity extends Activity {
    private Thread runner;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        getWindow().addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON); // the clock goes down with the screen
        setContentView(R.layout.bench);
        String job = getIntent().getStringExtra(BenchService.JOB);
        runner = new Thread(() -> {
            if (job == null) {
                measureAll();
            } else {
                runAndFinish(new File(job));
            }
        }, "har-edge bench");
        runner.start();
    }

    @Override
    protected void onDestroy() {
        runner.interrupt();
        super.onDestroy();
    }

    private void runAndFinish(File job) {
        try {
            launch(job, getExternalFilesDir("bench"));
        } catch (IOException error) {
            Log.e(BenchService.TAG, "no answer to " + job, error);
        }
        Log.i(BenchService.TAG, "{\"done\": \"" + job.getName() + "\"}");
        runOnUiThread(this::finish);
    }

    private void measureAll() {
        try {
            File folder = new File(getCacheDir(), "bench");
            if (!folder.isDirectory() && !folder.mkdirs()) {
                throw new IOException("cannot make " + folder);
            }
            List<ModelFile> models =
                    Arrays.asList(Assets.model(this, Assets.FLOAT32), Assets.model(this, Assets.INT8));
            String version = getPackageManager().getPackageInfo(getPackageName(), 0).versionName;
            OwnBench bench = new OwnBench(
                    folder, Assets.testWindows(this), models, OwnBench.ROUNDS, OwnBench.RUNS, version);
            String report = bench.run(job -> launch(job, folder), (stage, share) ->
                    show(getString(R.string.measuring, stage, (int) (100 * share))));
            File file = new File(getExternalFilesDir("bench"), "bench-phone.json");
            Streams.write(file, report.getBytes(StandardCharsets.UTF_8));
            show(table(report) + "\n" + file);
            Log.i(BenchService.TAG, "{\"report\": \"" + file + "\"}");
        } catch (InputError | IOException | JSONException | PackageManager.NameNotFoundException error) {
            Log.e(BenchService.TAG, "cannot measure", error);
            show(getString(R.string.failed, error.getMessage()));
        }
    }

    private void launch(File job, File answers) throws IOException {
        CountDownLatch ended = new CountDownLatch(1);
        ServiceConnection connection = new ServiceConnection() {
            @Override
            public void onServiceConnected(ComponentName name, IBinder access) {
            }

            @Override
            public void onServiceDisconnected(ComponentName name) {
                ended.countDown();
            }
        };
        Intent intent = new Intent(this, BenchService.class)
                .putExtra(BenchService.JOB, job.getPath())
                .putExtra(BenchService.ANSWERS, answers.getPath());
        try {
            if (!bindService(intent, connection, Context.BIND_AUTO_CREATE | Context.BIND_IMPORTANT)) {
                throw new IOException("the process that measures cannot be started");
            }
            ended.await();
        } catch (InterruptedException error) {
            throw new IOException("the measurement was left", error);
        } finally {
            unbindService(connection); // else the system would start it anew
        }
    }

    private String table(String report) throws JSONException {
        StringBuilder table = new StringBuilder();
        JSONArray results = new JSONObject(report).getJSONArray("results");
        for (int i = 0; i < results.length(); i++) {
            JSONObject result = results.getJSONObject(i);
            table.append(getString(R.string.result, result.getString("quantization"),
                    1e3 * result.getJSONObject("latency_ms").getDouble("p50"),
                    1e3 * result.getJSONObject("end_to_end_ms").getDouble("p50"),
                    100 * result.getDouble("accuracy"), result.getInt("size_bytes") / 1e3)).append('\n');
        }
        return table.toString();
    }

    private void show(String text) {
        runOnUiThread(() -> ((TextView) findViewById(R.id.results)).setText(text));
    }
}
