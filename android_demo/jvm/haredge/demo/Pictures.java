package haredge.demo;

import android.app.Activity;
import android.graphics.Bitmap;
import android.graphics.Canvas;
import android.view.View;
import android.widget.EditText;
import android.widget.Spinner;
import java.io.FileOutputStream;
import java.io.OutputStream;
import org.junit.Assert;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.annotation.Config;
import org.robolectric.annotation.GraphicsMode;

/** Draws the screen as Android's own code does, into the folder of {@link Handset#file}. */
@RunWith(SandboxRunner.class)
@Config(sdk = 34, qualifiers = "w360dp-h760dp-xhdpi", shadows = Motion.class)
@GraphicsMode(GraphicsMode.Mode.NATIVE)
public class Pictures {
    @Test
    public void light() throws Exception {
        draw("light", new Handset().atWork(9000));
    }

    @Test
    @Config(qualifiers = "w360dp-h760dp-night-xhdpi")
    public void dark() throws Exception {
        draw("dark", new Handset().atWork(9000));
    }

    @Test
    @Config(fontScale = 1.6f)
    public void large() throws Exception {
        draw("large", new Handset().atWork(9000));
    }

    @Test
    public void unknown() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.atWork(4000);
        phone.hang(4000, 400);
        draw("unknown", screen);
    }

    @Test
    public void recording() throws Exception {
        Handset phone = new Handset();
        Activity screen = phone.atWork(0);
        ((EditText) screen.findViewById(R.id.subject)).setText("Ada");
        ((Spinner) screen.findViewById(R.id.label)).setSelection(5);
        screen.findViewById(R.id.record).performClick();
        phone.move(Handset.samples("samples"), 0, 1000);
        phone.carry();
        draw("recording", screen);
    }

    private static void draw(String name, Activity screen) throws Exception {
        View all = screen.getWindow().getDecorView();
        all.clearFocus();
        Bitmap bitmap = Bitmap.createBitmap(all.getWidth(), all.getHeight(), Bitmap.Config.ARGB_8888);
        all.draw(new Canvas(bitmap));
        try (OutputStream file = new FileOutputStream(Handset.file(name + ".png"))) {
            Assert.assertTrue(bitmap.compress(Bitmap.CompressFormat.PNG, 100, file));
        }
    }
}
