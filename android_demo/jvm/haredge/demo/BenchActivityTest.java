package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.content.ServiceConnection;
import android.os.Looper;
import android.os.Process;
import android.view.WindowManager;
import android.widget.TextView;
import haredge.core.Streams;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.concurrent.TimeUnit;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowApplication;
import org.robolectric.shadows.ShadowProcess;

/** Tests the benchmark's screen and its process, in place of Android, which starts and ends that process. */
@RunWith(SandboxRunner.class)
@Config(sdk = 34)
public class BenchActivityTest {
    private final ShadowApplication application = shadowOf(RuntimeEnvironment.getApplication());

    @Test
    public void it_measures_all_models_and_leaves_a_report() throws Exception {
        ActivityController<BenchActivity> controller = Robolectric.buildActivity(BenchActivity.class).setup();
        int flags = controller.get().getWindow().getAttributes().flags;
        assertTrue((flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
        for (int process = 0; process < 20; process++) {
            assertTrue(text(controller), text(controller).matches("(?s)(Preparing|Measuring edge_).*"));
            playProcess();
        }
        for (int i = 0; i < 500 && text(controller).startsWith("Measuring"); i++) {
            pass();
        }
        String[] lines = text(controller).split("\n");
        assertTrue(lines[0], lines[0].matches("float32: .* µs, with preparation .* µs; 98\\.\\d\\d % right, .* kB"));
        assertTrue(lines[1], lines[1].startsWith("int8: "));
        File report = new File(lines[lines.length - 1]);
        assertEquals("bench-phone.json", report.getName());
        Streams.write(Handset.file("bench-phone.json"), Streams.readAll(report));
    }

    @Test
    public void a_job_of_a_computer_is_done_and_the_screen_goes_away() throws Exception {
        File job = Handset.file("absent-0.job.json");
        String asked = "{\"format\": 2}";
        Streams.write(job, asked.getBytes(StandardCharsets.UTF_8));
        Intent intent = new Intent().putExtra(BenchService.JOB, job.getPath());
        ActivityController<BenchActivity> controller = Robolectric.buildActivity(BenchActivity.class, intent).setup();
        playProcess();
        for (int i = 0; i < 500 && !controller.get().isFinishing(); i++) {
            pass();
        }
        assertTrue(controller.get().isFinishing());
        File answer = new File(controller.get().getExternalFilesDir("bench"), "absent-0.json");
        String error = new JSONObject(new String(Streams.readAll(answer), StandardCharsets.UTF_8)).getString("error");
        assertTrue(error, error.contains("another version of har-edge"));
    }

    /** Start the process that the screen binds to, and tell it when that has killed itself. */
    private void playProcess() throws InterruptedException {
        Intent bound = awaitBinding();
        ShadowProcess.clearKilledProcesses();
        Robolectric.buildService(BenchService.class, bound).create().bind();
        for (int i = 0; i < 6000 && !ShadowProcess.wasKilled(Process.myPid()); i++) {
            Thread.sleep(5);
        }
        assertTrue("the process goes on", ShadowProcess.wasKilled(Process.myPid()));
        for (ServiceConnection connection : new ArrayList<>(application.getBoundServiceConnections())) {
            connection.onServiceDisconnected(bound.getComponent());
        }
        shadowOf(Looper.getMainLooper()).idle();
    }

    private Intent awaitBinding() throws InterruptedException {
        Intent bound = application.getNextStartedService();
        for (int i = 0; i < 1000 && bound == null; i++) {
            pass();
            bound = application.getNextStartedService();
        }
        assertEquals(BenchService.class.getName(), bound.getComponent().getClassName());
        return bound;
    }

    private static void pass() throws InterruptedException {
        Thread.sleep(20);
        shadowOf(Looper.getMainLooper()).idleFor(20, TimeUnit.MILLISECONDS);
    }

    private static String text(ActivityController<BenchActivity> controller) {
        return ((TextView) controller.get().findViewById(R.id.results)).getText().toString();
    }
}
