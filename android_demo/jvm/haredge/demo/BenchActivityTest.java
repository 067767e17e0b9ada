package haredge.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.robolectric.Shadows.shadowOf;

import android.content.Intent;
import android.content.ServiceConnection;
import android.os.Process;
import android.view.WindowManager;
import haredge.core.Streams;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import org.json.JSONObject;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.android.controller.ActivityController;
import org.robolectric.annotation.Config;
import org.robolectric.shadows.ShadowApplication;
import org.robolectric.shadows.ShadowLog;
import org.robolectric.shadows.ShadowProcess;

/** Tests a computer's job in its process, in place of Android, which starts that process and tells when it has ended. */
@RunWith(SandboxRunner.class)
@Config(sdk = 34)
public class BenchActivityTest {
    @Test
    public void a_job_of_a_computer_is_done_and_the_screen_goes_away() throws Exception {
        File job = Handset.file("absent-0.job.json");
        String asked = "{\"format\": 1}";
        Streams.write(job, asked.getBytes(StandardCharsets.UTF_8));
        Intent intent = new Intent().putExtra(BenchService.JOB, job.getPath());
        ActivityController<BenchActivity> controller = Robolectric.buildActivity(BenchActivity.class, intent).setup();
        int flags = controller.get().getWindow().getAttributes().flags;
        assertTrue((flags & WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON) != 0);
        playProcess();
        assertTrue(controller.get().isFinishing());
        controller.destroy();
        String done = "{\"done\": \"absent-0.job.json\"}";
        long times = ShadowLog.getLogsForTag(BenchService.TAG).stream().filter(x -> x.msg.equals(done)).count();
        assertEquals(1, times);
        File answer = new File(controller.get().getExternalFilesDir("bench"), "absent-0.json");
        String error = new JSONObject(new String(Streams.readAll(answer), StandardCharsets.UTF_8)).getString("error");
        assertTrue(error, error.contains("another version of har-edge"));
    }

    /** Start the process that the screen binds to, and tell the screen when that process has killed itself. */
    private static void playProcess() throws InterruptedException {
        ShadowApplication application = shadowOf(RuntimeEnvironment.getApplication());
        Intent bound = application.getNextStartedService();
        ShadowProcess.clearKilledProcesses();
        Robolectric.buildService(BenchService.class, bound).create().bind();
        for (int i = 0; i < 6000 && !ShadowProcess.wasKilled(Process.myPid()); i++) {
            Thread.sleep(5);
        }
        assertTrue("the process goes on", ShadowProcess.wasKilled(Process.myPid()));
        for (ServiceConnection connection : new ArrayList<>(application.getBoundServiceConnections())) {
            connection.onServiceDisconnected(bound.getComponent());
        }
    }
}
